//! Promises 1 to 3 again, by an independent checker: for each owner and key, a register that the calls change and
//! read one at a time must explain the calls (Herlihy and Wing, 1990). `stateright` searches for the explanation.
//! Source: the history of the calls.
//!
//! Cannot see: what a failed read could have shown. An unconfirmed store that no read returned is left out: it may
//! not have happened.

use stateright::semantics::register::{Register, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use crate::store::files::Files;
use crate::store::history::{ContentDigest, HistoryEntry, Outcome, may_come_back};
use crate::subject::Run;

/// Judges a run.
///
/// # Errors
/// If nothing explains the calls on a file.
pub fn judge(run: &Run<Files>) -> Result<(), String> {
    let history = run.clients.history();
    let mut files: Vec<_> = history.iter().filter_map(|entry| Some((entry.host, entry.key?))).collect();
    files.sort_unstable();
    files.dedup();
    for (host, key) in files {
        let of_file: Vec<_> = history.iter().filter(|entry| entry.is_about(host, key)).collect();
        let may_be_back = of_file.iter().any(|entry| entry.is_erased())
            && may_come_back(&history, host, &run.clients.options_ever(&run.plan, host));
        // Of two lives of a disk no single register is left.
        if !may_be_back && !of_file.iter().any(|entry| entry.is_lost) && !is_explained(&of_file) {
            return Err(format!("no order of the calls on file {key} of n{host} explains what they gave"));
        }
    }
    Ok(())
}

/// One moment of one call.
enum Moment {
    Invoke(RegisterOp<Option<ContentDigest>>),
    Return(RegisterRet<Option<ContentDigest>>),
}

fn is_explained(calls: &[&HistoryEntry]) -> bool {
    let mut moments = Vec::new();
    for (thread, entry) in calls.iter().enumerate() {
        let was_read = calls.iter().any(|read| read.outcome() == entry.content().map(Outcome::Got).as_ref());
        match entry.outcome() {
            Some(Outcome::Stored { digest, .. }) => {
                moments.push((entry.begun, thread, Moment::Invoke(RegisterOp::Write(Some(*digest)))));
                moments.push((entry.end(), thread, Moment::Return(RegisterRet::WriteOk)));
            }
            Some(Outcome::Erased { .. }) => {
                moments.push((entry.begun, thread, Moment::Invoke(RegisterOp::Write(None))));
                moments.push((entry.end(), thread, Moment::Return(RegisterRet::WriteOk)));
            }
            Some(Outcome::Unconfirmed) | None if entry.content().is_some() && was_read => {
                moments.push((entry.begun, thread, Moment::Invoke(RegisterOp::Write(entry.content()))));
            }
            Some(Outcome::Got(digest)) => {
                moments.push((entry.begun, thread, Moment::Invoke(RegisterOp::Read)));
                moments.push((entry.end(), thread, Moment::Return(RegisterRet::ReadOk(Some(*digest)))));
            }
            _ => {}
        }
    }
    moments.sort_by_key(|(moment, ..)| *moment);
    let mut tester = LinearizabilityTester::new(Register(None));
    for (_, thread, moment) in moments {
        let taken = match moment {
            Moment::Invoke(operation) => tester.on_invoke(thread, operation).map(|_| ()),
            Moment::Return(result) => tester.on_return(thread, result).map(|_| ()),
        };
        taken.expect("each call is a thread of its own, invoked once and returned once");
    }
    tester.is_consistent()
}
