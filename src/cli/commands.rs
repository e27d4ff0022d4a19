//! One file for each verb: it asks the node or works on the data directory, and shows what came of it. The verbs do not
//! know each other; what several of them need is in the files beside this one.

pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod get;
pub(crate) mod identity;
pub(crate) mod init;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod ls;
pub(crate) mod manual;
pub(crate) mod node;
pub(crate) mod peers;
pub(crate) mod put;
pub(crate) mod recover;
pub(crate) mod rm;
pub(crate) mod scrub;
pub(crate) mod stat;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod watch;
pub(crate) mod whereis;
