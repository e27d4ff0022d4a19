use super::*;
use crate::replication::{Entry, Summary};

#[test]
fn a_repair_knows_nothing_of_deletions_that_came_up_while_it_ran() {
    let schedule = RepairSchedule::default();
    schedule.note_deletion(Version(3));
    assert!(schedule.begin(), "none is running");
    schedule.set_knows_deletions(Some(Version(9)));
    assert_eq!(schedule.knows_deletions(), Some(Version(9)), "it has seen what was there when it began");
    schedule.note_deletion(Version(7));
    assert_eq!(schedule.knows_deletions(), Some(Version(6)));
    schedule.note_deletion(Version(8));
    schedule.set_knows_deletions(Some(Version(9)));
    assert_eq!(schedule.knows_deletions(), Some(Version(6)), "nor has it seen the lower of the two");
    schedule.end(false, false);
    assert!(schedule.begin(), "it has ended");
    schedule.set_knows_deletions(Some(Version(9)));
    assert_eq!(schedule.knows_deletions(), Some(Version(9)));
}

/// Returns after how many seconds a repair may begin that ends now.
fn wait(schedule: &RepairSchedule, has_failed: bool, has_mended: bool) -> u64 {
    schedule.end(has_failed, has_mended);
    let not_before = schedule.not_before.get();
    not_before.map_or(0, |not_before| not_before.saturating_duration_since(Instant::now()).as_secs())
}

#[tokio::test(start_paused = true)]
async fn the_wait_grows_while_nothing_is_mended() {
    let schedule = RepairSchedule::default();
    let failed = |has_mended| wait(&schedule, true, has_mended);
    assert_eq!([failed(false), failed(false), failed(false), failed(false)], [5, 10, 20, 20]);
    assert_eq!([failed(true), failed(true), failed(false)], [5, 5, 10]);
    assert_eq!(wait(&schedule, false, true), 0);
    assert_eq!(failed(false), 5);
}

#[tokio::test(start_paused = true)]
async fn what_a_quota_has_no_room_for_is_offered_again_after_a_longer_wait() {
    let schedule = RepairSchedule::default();
    let mut summary = Summary::default();
    summary.add(&Entry::deleted(ReplicaName([1; 16]), Version(1)));
    let (held, current) = (Print::default(), summary.print());
    let mut waits = Vec::new();
    for _ in 0..4 {
        schedule.set_refused(Some((held, current)));
        let begun = Instant::now();
        while schedule.is_refused((held, current)) {
            tokio::time::advance(REPAIR_RETRY_MIN).await;
        }
        waits.push(begun.elapsed().as_secs());
    }
    assert_eq!(waits, [20, 40, 40, 40]);
    schedule.set_refused(Some((held, current)));
    assert!(!schedule.is_refused((current, current)), "the peer holds something else");
    assert!(!schedule.is_refused((held, held)), "something else is current");
    schedule.begin_anew();
    assert!(!schedule.is_refused((held, current)), "it may have other options");
    schedule.set_refused(None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_what_others_lack_is_repaired_once_they_have_more() {
    let schedule = RepairSchedule::default();
    assert!(schedule.begin());
    assert_eq!(wait(&schedule, true, false), 5);
    schedule.hear_of_other();
    assert!(!schedule.begin(), "it keeps nothing");
    schedule.set_keeps(true);
    schedule.hear_of_other();
    assert!(schedule.begin());
    assert_eq!(wait(&schedule, true, false), 5);
    schedule.hear_of_other();
    assert!(schedule.begin());
    schedule.hear_of_other();
    assert_eq!(wait(&schedule, true, false), 0, "they have more since it began");
    assert!(schedule.begin());
    assert_eq!(wait(&schedule, true, false), 5, "they have no more since then");
}

#[test]
fn what_a_repair_finds_out_counts_for_the_connection_in_which_it_began() {
    let schedule = RepairSchedule::default();
    schedule.begin_anew();
    assert!(schedule.begin());
    schedule.set_compared(true);
    schedule.set_told_names(3);
    assert!(schedule.is_compared() && schedule.told_names() == Some(3));
    schedule.begin_anew();
    schedule.set_compared(true);
    schedule.set_told_names(3);
    schedule.set_progress(Progress::Current);
    schedule.set_knows_deletions(Some(Version(3)));
    assert!(!schedule.is_compared() && schedule.told_names().is_none() && schedule.knows_deletions().is_none());
    assert!(matches!(schedule.progress(), Progress::Unknown));
}
