//! A million records, of which never more than two pages are alive.

use super::generated::Generated;
use jiff::Timestamp;
use statewright::history::{Filter, GroupBy, HistoryError, Key};
use statewright::store::query::{GROUPS_MAX, PAGE_MAX};
use statewright::store::{Revision, StoreError};
use statewright::{Host, Repository};
use statewright_tests::{Door, DoorNode, DoorState};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

const MILLION: u64 = 1_000_000;

fn bounded(store: &Generated, what: &str) {
    let most = store.most();
    assert!((1..=2 * PAGE_MAX).contains(&most), "{what}: {most} records were alive at once");
}

#[tokio::test]
async fn an_instance_of_a_million_records() {
    let store = Arc::new(Generated::new(MILLION));
    let history = Repository::<Door>::new(Arc::clone(&store)).history(&store.stream);
    let end = Generated::time(MILLION);
    let standing = history.state_at(Generated::time(777_777)).await.expect("it is told");
    assert_eq!(standing.state(), Some(DoorState::Ajar));
    bounded(&store, "state_at");
    let found = history.distribution(Timestamp::UNIX_EPOCH, end).await.expect("it is told");
    let open = Duration::from_secs(3_600 * MILLION / 2);
    assert_eq!(found.time_in(DoorNode::Ajar), open);
    bounded(&store, "distribution");
    let (mut count, filter) = (0, Filter::new().trigger("Open"));
    let mut transitions = history.transitions(Timestamp::MIN, Timestamp::MAX, usize::MAX, &filter);
    while transitions.try_next().await.expect("it reads").is_some() {
        count += 1;
    }
    assert_eq!(count, MILLION / 2);
    bounded(&store, "transitions");
    let mut replay = history.replay();
    let mut last = 0;
    while let Some(step) = replay.try_next().await.expect("it reads") {
        last = step.after.data().opened + step.after.data().shut;
    }
    assert_eq!(last, MILLION);
    bounded(&store, "replay");
}

/// With a snapshot every hundred records, what is read does not grow with the stream.
#[tokio::test]
async fn data_of_a_million_records_is_found_from_snapshots() {
    let store = Arc::new(Generated::new(MILLION));
    let history = Repository::<Door>::new(Arc::clone(&store)).history(&store.stream);
    let every = NonZeroU64::new(100).expect("not zero");
    assert_eq!(history.checkpoint(every).await.expect("it is written"), MILLION / 100);
    bounded(&store, "checkpoint");
    for revision in [1, 99, 100, 101, 500_050, MILLION - 1, MILLION] {
        let moment = history.data_at(Revision(revision)).await.expect("it is told");
        assert_eq!(moment.instance.data().opened, revision.div_ceil(2));
        let most = store.most();
        assert!(most <= 200, "{revision}: {most} records");
    }
    let moment = history.data_at(Generated::time(654_321)).await.expect("it is told");
    assert_eq!((moment.revision, moment.instance.data().shut), (Revision(654_321), 327_160));
}

#[tokio::test]
async fn a_machine_of_a_million_records() {
    let store = Arc::new(Generated::new(MILLION));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let (history, all) = (host.operator().history(), Filter::new());
    let groups =
        history.group_by(GroupBy::State, Timestamp::MIN, Timestamp::MAX, &all).await.expect("it is told");
    let expected = [DoorState::Ajar, DoorState::Closed].map(|state| (Key::State(Some(state)), MILLION / 2));
    assert_eq!(groups.into_iter().map(|group| (group.key, group.records)).collect::<Vec<_>>(), expected);
    bounded(&store, "group_by");
    let dwell = history.dwell(Timestamp::MIN, Timestamp::MAX).await.expect("it is told");
    let visits = dwell.of(DoorNode::Ajar).expect("there are some");
    assert_eq!((visits.ended(), visits.open()), (MILLION / 2, 0));
    bounded(&store, "dwell");
    // Every record has an hour of its own.
    let hours = history.group_by(GroupBy::Hour, Timestamp::MIN, Timestamp::MAX, &all).await;
    let Err(HistoryError::Store { source: StoreError::TooManyGroups { max: GROUPS_MAX }, .. }) = hours else {
        panic!("{hours:?}")
    };
    bounded(&store, "too many groups");
    let days = Generated::time(GROUPS_MAX as u64);
    let hours = history.group_by(GroupBy::Hour, Timestamp::MIN, days, &all).await.expect("it is told");
    assert_eq!(hours.len(), GROUPS_MAX - 1);
    host.shutdown().await;
}
