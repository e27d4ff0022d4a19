//! Whether nodes look after their disks by themselves after the faults.

use dacapo::node::StatError;
use tokio::time::{Instant, sleep};

use super::waits::{LOOK_AGAIN, converged_within};
use crate::host::Host;
use crate::store::files::Files;
use crate::store::options::has_upkeep;
use crate::store::oracle::live;
use crate::subject::{Broken, Scene};

/// Waits until each node that scrubs often has scrubbed by itself.
pub(super) async fn goes_on(scene: &Scene<Files>) -> Result<(), Broken> {
    let scrubs = |host: &Host| has_upkeep(&scene.plan.options_of(*host));
    for host in scene.plan.hosts_left().into_iter().filter(scrubs) {
        let unknown =
            |error: StatError| Broken::new("live", format!("n{host} does not say when it scrubbed last: {error}"));
        let (begun, before) = (Instant::now(), live::node(scene, host)?.status().await.map_err(unknown)?.last_scrub);
        while live::node(scene, host)?.status().await.map_err(unknown)?.last_scrub == before {
            if begun.elapsed() > converged_within(scene) {
                return Err(Broken::new("live", format!("n{host} does not scrub its disk by itself any more")));
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    Ok(())
}
