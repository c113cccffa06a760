//! An instance whose records cannot be read is put aside and tried again later, and nothing of it is passed over.

use crate::recorded;
use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use serde_json::json;
use statewright::clock::{Clock, FakeClock};
use statewright::event::UpcastError;
use statewright::prelude::*;
use statewright::{Fired, Unreadable};

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

state_machine! {
    #[allow(dead_end)]
    machine Meter {
        data Total;
        triggers { Count { units: u32 } }
        events { Counted }
        initial Running;
        state Running { on Count { units } => stay emit Counted { units }; }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Total(u32);

impl Apply<Counted> for Total {
    fn apply(&mut self, event: &Counted) {
        self.0 += event.units;
    }
}

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "meter.counted", version = 1)]
struct CountedV1 {
    kind: String,
}

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "meter.counted", version = 2, from = CountedV1)]
struct Counted {
    units: u32,
}

/// What a kind is worth is looked up in a table that is not there from the start.
static TABLE: AtomicBool = AtomicBool::new(false);

/// How often a record was read.
static READ: AtomicU32 = AtomicU32::new(0);

impl TryUpcast<CountedV1> for Counted {
    type Error = UpcastError;

    fn try_upcast(old: CountedV1, _: &UpcastContext) -> Result<Self, UpcastError> {
        READ.fetch_add(1, Ordering::SeqCst);
        if TABLE.load(Ordering::SeqCst) {
            return Ok(Self { units: 10 });
        }
        Err(format!("nobody knows what {} is worth", old.kind).into())
    }
}

async fn host(clock: &FakeClock, policy: Unreadable) -> Host<Meter> {
    let events = [("meter.counted", 1, json!({ "kind": "crate" }))];
    let store = recorded::<Meter>("old", "Running", &events, BTreeMap::new()).await;
    Host::builder(store).clock(clock.clone()).unreadable(policy).build().await.expect("fine")
}

async fn count(host: &Host<Meter>, instance: &str) -> Result<Fired<Meter>, FireError> {
    host.instance(instance).fire(MeterTrigger::Count { units: 1 }).await
}

/// One test, since what can be read is the same for both policies.
#[tokio::test]
async fn an_unreadable_instance_is_left_alone_until_its_pause_has_passed() {
    let clock = FakeClock::default();

    let stopping = host(&clock, Unreadable::Stop).await;
    for _ in 0..3 {
        count(&stopping, "old").await.expect_err("it cannot be read");
    }
    assert_eq!(READ.swap(0, Ordering::SeqCst), 3, "every request reads");
    assert!(stopping.quarantined().is_empty());

    let host = host(&clock, Unreadable::Quarantine).await;
    let start = clock.now();
    for _ in 0..3 {
        let error = count(&host, "old").await.expect_err("it cannot be read");
        assert!(matches!(error, FireError::Load(_)), "{error:?}");
        count(&host, "new").await.expect("another is served");
    }
    assert_eq!(READ.swap(0, Ordering::SeqCst), 1, "one request has read");

    clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        count(&host, "old").await.expect_err("it still cannot be read");
    }
    assert_eq!(READ.swap(0, Ordering::SeqCst), 1, "the pause is over");
    let [held] = host.quarantined().try_into().expect("one is put aside");
    assert_eq!((held.stream.instance.as_ref(), held.tries, held.since), ("old", 2, start));
    assert_eq!(held.until, start + 3.seconds(), "the second pause is twice as long");
    let causes = std::iter::successors(Some(&held.error as &dyn Error), |error| (*error).source());
    assert_eq!(causes.last().expect("an error").to_string(), "nobody knows what crate is worth");

    TABLE.store(true, Ordering::SeqCst);
    count(&host, "old").await.expect_err("the pause is not over");
    clock.advance(Duration::from_secs(2));
    count(&host, "old").await.expect("it can be read now");
    assert!(host.quarantined().is_empty());
    let total = host.instance("old").view(|meter, _| meter.data().0).await.expect("it is loaded");
    assert_eq!(total, 11, "what was recorded, and what came after it");
}
