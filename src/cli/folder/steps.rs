//! Works on many files at a time.

use std::cell::Cell;
use std::future::ready;
use std::pin::pin;

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::cli::error::CliError;
use crate::cli::logging;
use crate::cli::runtime::Signals;

/// Works on steps, so many at a time, until one of them fails for all. If the user interrupts it, no other step begins,
/// and those under way come to their ends; if the user does so again, they do not. A signal that has come before counts
/// too, if `signals` was there by then.
pub(super) async fn each<S, F>(
    steps: Vec<S>,
    jobs: u16,
    signals: &mut Signals,
    work: impl Fn(S) -> F,
) -> Result<(), CliError>
where
    F: Future<Output = Result<(), CliError>>,
{
    let is_interrupted = Cell::new(false);
    let steps = stream::iter(steps).take_while(|_| ready(!is_interrupted.get()));
    let all = steps.map(|step| work(step).boxed_local()).buffer_unordered(usize::from(jobs));
    let mut all = pin!(all.try_collect::<()>());
    loop {
        tokio::select! {
            biased;
            () = signals.next() => {
                if is_interrupted.replace(true) {
                    return Err(CliError::Interrupted);
                }
                logging::note("interrupted: what is under way comes to its end");
            }
            ended = &mut all => {
                return if is_interrupted.get() { ended.and(Err(CliError::Interrupted)) } else { ended };
            }
        }
    }
}
