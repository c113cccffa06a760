//! Time comes from the clock, is one within a step, and never runs backwards in a stream.

use jiff::Timestamp;
use statewright::clock::FakeClock;
use statewright::cx::{Cx, RandomIds};
use statewright::repository::Origin;
use statewright::store::{MemoryStore, Outcome, Revision, StreamId};
use statewright::{Host, Instance, Repository};
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("in range")
}

#[test]
fn every_step_of_an_instance_has_its_own_time() {
    let clock = FakeClock::default();
    let cx = Cx::new(StreamId::new("", "Door", "a"), Arc::new(clock.clone()), Arc::new(RandomIds));
    let mut door = Instance::<Door>::with(cx);
    for n in 1..4 {
        clock.advance(Duration::from_secs(1));
        assert!(door.can_fire(&DoorTrigger::Open));
        door.fire(DoorTrigger::Knock { times: 1 }).expect("always");
        assert_eq!(door.data().last, Some(seconds(n)));
    }
}

#[tokio::test]
async fn time_never_runs_backwards_in_a_stream_though_clocks_do() {
    let clock = FakeClock::at(seconds(100));
    let store = Arc::new(MemoryStore::new());
    let builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
    let door = builder.build().await.expect("fine").instance("a");
    let last = async || door.view(|door, _| door.data().last).await.expect("it loads");
    door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    clock.set(seconds(50));
    door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    assert_eq!(last().await, Some(seconds(100)));
    door.command("x").at(seconds(200)).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    door.command("y").at(seconds(150)).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    assert_eq!(last().await, Some(seconds(200)));
}

#[tokio::test]
async fn an_instance_can_be_driven_by_hand() {
    let repository = Repository::<Door>::new(MemoryStore::new());
    let stream = repository.stream("", "a");
    let mut stale = repository.load(&stream).await.expect("it has not begun");
    let mut loaded = repository.load(&stream).await.expect("it has not begun");
    let step = loaded.instance.fire(DoorTrigger::Open).expect("it is shut");
    let origin = || Origin { command: "1".into(), trigger: "Open", ..Origin::default() };
    let outcome = repository.save(&stream, &mut loaded, vec![(step, origin())]).await.expect("plain events");
    assert!(
        matches!(outcome, Outcome::Appended(_))
            && loaded.revision() == Revision(1)
            && loaded.seen("1").is_some()
    );
    let step = stale.instance.fire(DoorTrigger::Open).expect("it looks shut");
    let outcome = repository.save(&stream, &mut stale, vec![(step, origin())]).await.expect("plain events");
    assert!(matches!(outcome, Outcome::Conflict(_)), "{outcome:?}");
    let again = repository.load(&stream).await.expect("it loads");
    assert_eq!((again.instance.state(), again.seen("1")), (loaded.instance.state(), Some(Revision(1))));
}
