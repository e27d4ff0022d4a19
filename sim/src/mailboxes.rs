//! How clients reach the running programs: a mailbox on each host. A client runs on a host of its own, outside of the
//! system under test, so it asks a program through its mailbox and not through the network.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;

use crate::host::Host;

/// How many questions wait for a program. Chosen: a plan never makes as many calls at once.
const QUESTIONS_MAX: usize = 64;

/// Takes questions, each with the way back for its answer.
type Mailbox<Q, A> = mpsc::Sender<(Q, oneshot::Sender<A>)>;

/// The mailboxes of all hosts. Clones are the same mailboxes.
pub struct Mailboxes<Q, A> {
    running: Rc<RefCell<BTreeMap<Host, Mailbox<Q, A>>>>,
}

impl<Q: 'static, A: 'static> Mailboxes<Q, A> {
    /// Opens the mailbox of a host, in place of an earlier one. It is called on the host when its program starts. The
    /// program answers each question in a task of its own, until the host is killed or the program is started again.
    pub fn started<P, F>(&self, host: Host, program: P, answer: impl Fn(P, Q) -> F + 'static)
    where
        P: Clone + 'static,
        F: Future<Output = A> + 'static,
    {
        let (sender, mut asked) = mpsc::channel::<(Q, oneshot::Sender<A>)>(QUESTIONS_MAX);
        self.running.borrow_mut().insert(host, sender);
        spawn_local(async move {
            while let Some((question, reply)) = asked.recv().await {
                let answering = answer(program.clone(), question);
                // The client may have given up.
                spawn_local(async move { reply.send(answering.await).ok() });
            }
        });
    }

    /// Asks the program of a host and returns its answer. Returns `None` if the program has not started, or if its
    /// host is killed before it answers: then the effect of the question is unknown.
    pub async fn ask(&self, host: Host, question: Q) -> Option<A> {
        let program = self.running.borrow().get(&host)?.clone();
        let (reply, answer) = oneshot::channel();
        program.send((question, reply)).await.ok()?;
        answer.await.ok()
    }
}

impl<Q, A> Default for Mailboxes<Q, A> {
    fn default() -> Self {
        Self { running: Rc::default() }
    }
}

impl<Q, A> Clone for Mailboxes<Q, A> {
    fn clone(&self) -> Self {
        Self { running: self.running.clone() }
    }
}
