//! What was, of an instance and of a tenant.

use super::{ACME, KNOCKS, OTHER, World};
use jiff::Timestamp;
use statewright::history::{Filter, GroupBy, MachineHistory, Standing};
use statewright::store::Revision;
use statewright_tests::{Door, DoorNode, DoorState, DoorTrigger};
use std::num::NonZeroU64;
use std::time::Duration;

const ALWAYS: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

/// The door of one tenant stands open for an hour.
async fn open_for_an_hour(world: &World) {
    world.clock.advance(Duration::from_hours(1));
    world.door(ACME).fire(DoorTrigger::Open).await.expect("it is shut");
    world.clock.advance(Duration::from_hours(1));
    world.door(ACME).fire(DoorTrigger::Close).await.expect("it is open");
}

pub(super) async fn of_an_instance(world: &World) {
    open_for_an_hour(world).await;
    let (acme, other) = (world.door(ACME).history(), world.door(OTHER).history());
    let at = Timestamp::from_second(5_400).expect("a time");
    assert_eq!(acme.state_at(at).await.expect("it is told"), Standing::In(DoorState::Ajar));
    assert_eq!(other.state_at(at).await.expect("it is told"), Standing::In(DoorState::Closed));
    acme.state_at_revision(Revision(3)).await.expect("it is told");
    other.state_at_revision(Revision(3)).await.expect_err("that is another's");
    for (tenant, times) in KNOCKS {
        let moment = world.door(tenant).history().data_at(Revision(1)).await.expect("it is told");
        assert_eq!(moment.instance.data().knocks, times);
    }
    let (from, to) = ALWAYS;
    let mut told = other.transitions(from, to, 9, &Filter::new());
    assert_eq!(&*told.try_next().await.expect("it reads").expect("one").record.stream.tenant, OTHER);
    assert!(told.try_next().await.expect("it reads").is_none());
    let ajar = DoorNode::Ajar;
    let open = acme.time_in_state(ajar, Timestamp::UNIX_EPOCH).await.expect("it is told");
    assert_eq!(open, Duration::from_hours(1));
    assert_eq!(other.time_in_state(ajar, Timestamp::UNIX_EPOCH).await.expect("it is told"), Duration::ZERO);
    let until = Timestamp::from_second(7_200).expect("a time");
    let spent = other.distribution(Timestamp::UNIX_EPOCH, until).await.expect("it is told");
    assert_eq!((spent.instances(), spent.time_in(ajar)), (1, Duration::ZERO));
    let (mut replay, mut steps) = (other.replay(), 0);
    while replay.try_next().await.expect("it reads").is_some() {
        steps += 1;
    }
    assert_eq!(steps, 1);
    snapshots(world).await;
    other.discard_snapshots().await.expect("they are removed");
    let every = NonZeroU64::MIN;
    assert_eq!(acme.checkpoint(every).await.expect("they are written"), 3);
    assert_eq!(other.discard_snapshots().await.expect("there are none"), 0);
    assert_eq!(acme.discard_snapshots().await.expect("they are removed"), 3);
}

/// What the host writes behind the callers' backs stands: one for each record of each.
async fn snapshots(world: &World) {
    let count = async || {
        let mut count = 0;
        for shard in (0..world.store.limits().shards).map(statewright::store::Shard) {
            count += world.store.list(shard, "history/", None, 99).await.expect("it reads").len();
        }
        count
    };
    while count().await < 5 {
        tokio::task::yield_now().await;
    }
}

pub(super) async fn of_a_tenant(world: &World) {
    open_for_an_hour(world).await;
    let acme = world.doors.tenant(ACME).expect("an id").history();
    let other = world.tenants.tenant(OTHER).expect("an id").history();
    assert_eq!(told(&acme).await, [ACME; 3]);
    assert_eq!(told(&other).await, [OTHER]);
    assert_eq!(told(&world.doors.history()).await, [""]);
    assert_eq!(told(&world.doors.operator().history()).await.len(), 5);
    let (from, to) = ALWAYS;
    for (history, records) in [(&acme, 3), (&other, 1)] {
        let groups = history.group_by(GroupBy::State, from, to, &Filter::new()).await.expect("it is told");
        assert_eq!(groups.iter().map(|group| group.records).sum::<u64>(), records);
        let until = Timestamp::from_second(7_200).expect("a time");
        let spent = history.distribution(Timestamp::UNIX_EPOCH, until).await.expect("it is told");
        let open = if records == 3 { Duration::from_hours(1) } else { Duration::ZERO };
        assert_eq!((spent.instances(), spent.time_in(DoorNode::Ajar)), (1, open));
        let dwell = history.dwell(from, to).await.expect("it is told");
        let ended = dwell.of(DoorNode::Ajar).map_or(0, statewright::history::Visits::ended);
        assert_eq!(ended, u64::from(records == 3));
    }
    let mut told = other.transitions(from, to, 9, &Filter::new());
    assert!(told.try_next().await.expect("it reads").is_some());
    assert!(told.try_next().await.expect("it reads").is_none());
}

/// Whose the records are that a history tells of.
async fn told(history: &MachineHistory<Door>) -> Vec<String> {
    let mut records = history.transitions(ALWAYS.0, ALWAYS.1, usize::MAX, &Filter::new());
    let mut tenants = Vec::new();
    while let Some(found) = records.try_next().await.expect("it reads") {
        tenants.push(found.record.stream.tenant.to_string());
    }
    tenants
}
