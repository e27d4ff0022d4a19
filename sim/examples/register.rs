//! Another subject for the harness, and all that has to be told of it: the replicated register of `replica`, its two
//! calls, and that they are linearizable.

#[path = "register/call.rs"]
mod call;
#[path = "register/replica.rs"]
mod replica;

use std::{cell::RefCell, collections::BTreeMap, process::ExitCode, rc::Rc, time::Duration};

use dacapo_sim::check::check;
use dacapo_sim::links::Host;
use dacapo_sim::subject::{Broken, Ended, Machine, Oracle, Run, Scene, Subject};
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop_oneof};
use stateright::semantics::register::{Register as Model, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use tokio::sync::{mpsc, oneshot};

use call::Call;
use replica::{Config, Question, Replica, Version};

/// The register. With the planted bug, a read asks one replica only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    pub(crate) reads_one_replica: bool,
}

/// The running replicas, and the beginnings and ends of all calls, in order.
#[derive(Clone, Default)]
pub(crate) struct Clients {
    replicas: Rc<RefCell<BTreeMap<Host, mpsc::Sender<Question>>>>,
    history: Rc<RefCell<Vec<(u64, Moment)>>>,
}

type Moment = Result<RegisterOp<u64>, RegisterRet<u64>>;

impl Clients {
    /// Makes a call; a write writes its own number. Gives nothing where nobody knows what came of it.
    async fn call(&self, host: Host, call: Call) -> Option<u64> {
        let number = 1 + self.history.borrow().len() as u64;
        let write = (call == Call::Write).then_some(number);
        self.history.borrow_mut().push((number, Ok(write.map_or(RegisterOp::Read, RegisterOp::Write))));
        let replica = self.replicas.borrow().get(&host)?.clone();
        let (reply, answer) = oneshot::channel();
        replica.send(Question { write, reply }).await.ok()?;
        let Version { value, .. } = answer.await.ok()??;
        let ended = write.map_or(RegisterRet::ReadOk(value), |_| RegisterRet::WriteOk);
        self.history.borrow_mut().push((number, Err(ended)));
        Some(value)
    }
}

impl Subject for Register {
    type Call = Call;
    type Event = Version;
    type Clients = Clients;

    fn calls(&self) -> BoxedStrategy<Call> {
        prop_oneof![Just(Call::Read), Just(Call::Write)].boxed()
    }

    async fn boot(self, machine: Machine<Self>) -> Ended {
        let Machine { host, listen, hosts: mut peers, transport, disk, events, clients, .. } = machine;
        peers.remove(host);
        let event = Box::new(move |version| events.event(&version));
        let reads_one_replica = self.reads_one_replica;
        let config = Config { transport, disk, listen, peers, event, reads_one_replica };
        let (sender, questions) = mpsc::channel(16);
        clients.replicas.borrow_mut().insert(host, sender);
        let running = async { Replica::open(config).await?.run(questions).await };
        running.await.map_or_else(|error| Ended::Failed(error.to_string()), |()| Ended::Stopped)
    }

    async fn call(self, scene: Scene<Self>, host: Host, _: usize, call: Call) -> Option<String> {
        scene.clients.call(host, call).await.map(|value| value.to_string())
    }

    async fn settle(self, scene: Scene<Self>) -> Result<(), Broken> {
        for host in 0..scene.plan.nodes {
            while scene.clients.call(host, Call::Read).await.is_none() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }

    fn oracles(&self) -> Vec<Oracle<Self>> {
        vec![Oracle { name: "linearizable", judge }]
    }

    fn reached(&self, run: &Run<Self>) -> BTreeMap<&'static str, u64> {
        let history = run.clients.history.borrow();
        let ended = history.iter().filter(|(_, moment)| moment.is_err()).count();
        BTreeMap::from([("call failed", (history.len() - 2 * ended) as u64)])
    }
}

/// Calls that have not ended are left out, but for writes that were read.
fn judge(run: &Run<Register>) -> Result<(), String> {
    let history = run.clients.history.borrow();
    let has_ended = |call: u64| history.iter().any(|(ended, moment)| moment.is_err() && *ended == call);
    let was_read = |call: u64| history.iter().any(|(_, moment)| *moment == Err(RegisterRet::ReadOk(call)));
    let mut tester = LinearizabilityTester::new(Model(0));
    for (call, moment) in history.iter().filter(|(call, _)| has_ended(*call) || was_read(*call)) {
        let taken = match moment.clone() {
            Ok(operation) => tester.on_invoke(*call, operation).map(|_| ()),
            Err(result) => tester.on_return(*call, result).map(|_| ()),
        };
        taken.expect("each call is a thread of its own, begun once and ended once");
    }
    if tester.is_consistent() { Ok(()) } else { Err("no order of the calls explains what they read".to_owned()) }
}

fn main() -> ExitCode {
    let right = check(&Register { reads_one_replica: false }, 0..300);
    let wrong = check(&Register { reads_one_replica: true }, 0..300);
    println!("The register: {right}\n\nWith the bug: {wrong}");
    if right.found.is_none() && wrong.found.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
