//! What has no record, what was refused, deleted and erased.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::clock::FakeClock;
use statewright::history::{Filter, HistoryError, Standing};
use statewright::prelude::*;
use statewright::store::{Kind, MemoryStore, Revision};
use statewright::{Host, LoadError};
use std::sync::Arc;
use std::time::Duration;

state_machine! {
    /// Leaves its state before what it raises is refused.
    machine Gate {
        data Nothing;
        triggers { Pass, #[internal] Check }
        initial Shut;
        state Shut { on Pass => Open raise Check; }
        state Open { on Check if !data.broken => reject "nobody passes"; on Check => Gone; }
        final Gone;
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Nothing {
    broken: bool,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("in range")
}

async fn gates() -> (Host<Gate>, FakeClock) {
    let clock = FakeClock::at(at(100));
    let host = Host::<Gate>::builder(Arc::new(MemoryStore::new())).clock(clock.clone()).build().await;
    (host.expect("fine"), clock)
}

/// The step that is refused had left its state already, and the refusal says so; the instance rests where it was.
#[tokio::test]
async fn a_refusal_leaves_an_instance_where_it_rests() {
    let (host, _clock) = gates().await;
    let gate = host.instance("a");
    gate.start().await.expect("it begins");
    let refused = gate.command("1").record_rejection().fire(GateTrigger::Pass).await;
    let rejection = refused.expect_err("nobody passes");
    let explanation = rejection.rejection().expect("it is one").explanation();
    assert_eq!(explanation.state, "Open", "where it was refused");
    let history = gate.history();
    for revision in [1, 2] {
        let standing = history.state_at_revision(Revision(revision)).await.expect("it is told");
        assert_eq!(standing, Standing::In(GateState::Shut));
    }
    assert_eq!(history.data_at(Revision(2)).await.expect("it is told").instance.state(), GateState::Shut);
}

#[tokio::test]
async fn one_that_was_only_refused_stood_in_its_initial_state() {
    let (host, _clock) = gates().await;
    let gate = host.instance("a");
    let refused = gate.command("1").record_rejection().fire(GateTrigger::Pass).await;
    assert!(refused.is_err());
    let history = gate.history();
    assert_eq!(history.state_at(at(99)).await.expect("it is told"), Standing::Absent);
    assert_eq!(history.state_at(at(100)).await.expect("it is told"), Standing::In(GateState::Shut));
    assert!(!history.data_at(at(100)).await.expect("it is told").instance.has_begun());
}

#[tokio::test]
async fn what_has_no_record_has_no_history() {
    let (host, _clock) = gates().await;
    let history = host.instance("nobody").history();
    assert_eq!(history.state_at(at(500)).await.expect("it is told"), Standing::Absent);
    assert_eq!(history.data_at(at(500)).await.expect("it is told").revision, Revision(0));
    let found = history.distribution(at(0), at(500)).await.expect("it is told");
    assert_eq!((found.instances(), found.absent().time, found.states().count()), (0, Duration::ZERO, 0));
    assert!(history.replay().try_next().await.expect("it ends").is_none());
    let mut transitions = history.transitions(at(0), at(500), 9, &Filter::new());
    assert!(transitions.try_next().await.expect("it ends").is_none());
    let error = history.state_at_revision(Revision(1)).await.expect_err("there is none");
    assert!(matches!(error, HistoryError::NoRecord { asked: Revision(1), head: Revision(0), .. }), "{error}");
}

/// Before a deletion the past is told until it is erased; then only when.
#[tokio::test]
async fn the_deleted_is_told_until_it_is_erased() {
    let (host, clock) = gates().await;
    let gate = host.instance("a");
    gate.start().await.expect("it begins");
    gate.history().checkpoint(std::num::NonZeroU64::MIN).await.expect("it is written");
    clock.advance(Duration::from_secs(10));
    gate.delete().await.expect("it is there");
    clock.advance(Duration::from_secs(10));
    let history = gate.history();
    assert_eq!(history.state_at(at(105)).await.expect("it is told"), Standing::In(GateState::Shut));
    assert_eq!(history.data_at(at(105)).await.expect("it is told").instance.state(), GateState::Shut);
    assert_eq!(history.state_at(at(110)).await.expect("it is told"), Standing::Deleted);
    let gone = history.data_at(at(110)).await.expect_err("it is gone");
    assert!(matches!(gone, HistoryError::Load(LoadError::Deleted { .. })), "{gone}");

    host.repository().store().erase(&host.repository().stream("", "a")).await.expect("memory");
    assert_eq!(history.state_at(at(105)).await.expect("it is told"), Standing::Erased);
    assert_eq!(history.state_at(at(110)).await.expect("it is told"), Standing::Deleted);
    // The snapshot is still there, and is not asked.
    let gone = history.data_at(at(105)).await.expect_err("it is erased");
    assert!(matches!(gone, HistoryError::Load(LoadError::Deleted { .. })), "{gone}");
    let found = history.distribution(at(90), at(120)).await.expect("it is told");
    let seconds = [found.absent(), found.erased(), found.deleted()].map(|spent| spent.time.as_secs());
    assert_eq!(seconds, [10, 10, 10]);
    assert_eq!((found.deleted().at_end, found.states().count()), (1, 0));
    let mut transitions = history.transitions(at(0), at(200), 9, &Filter::new().kinds(&[Kind::Erased]));
    let erased = transitions.try_next().await.expect("it reads").expect("the first record");
    assert_eq!((erased.from, erased.to, erased.events.len()), (None, None, 0));
    let mut replay = history.replay();
    assert!(matches!(replay.try_next().await, Err(HistoryError::Load(LoadError::Deleted { .. }))));
    assert!(replay.try_next().await.expect("it has ended").is_none());
    assert_eq!(history.discard_snapshots().await.expect("they are removed"), 1);
}
