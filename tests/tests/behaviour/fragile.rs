//! Code that panics while it reads a record stops that instance, says so, and nothing else.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use statewright::replay::{ReplayCheck, Verdict};
use statewright::store::{
    Append, Head, MemoryStore, Payload, RecordedEvent, RecordedStep, Store, StreamId, Unit,
};
use std::sync::Arc;

state_machine! {
    /// Counts down, and cannot count below zero.
    machine Fuse {
        data Left;
        triggers { Burn { by: u8 } }
        events { Burnt }
        initial Lit;
        state Lit { on Burn { by } => Ash emit Burnt { by }; }
        state Ash { on Burn { .. } => Lit; }
    }
}

#[derive(Serialize, Deserialize)]
struct Left(u8);

impl Default for Left {
    fn default() -> Self {
        Self(3)
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "fuse.burnt", version = 1)]
struct Burnt {
    by: u8,
}

impl Apply<Burnt> for Left {
    fn apply(&mut self, event: &Burnt) {
        self.0 = self.0.checked_sub(event.by).expect("there is as much");
    }
}

/// A record that another program wrote, whose fuse was longer.
async fn record(store: &Arc<MemoryStore>) {
    let payload = Payload::of(&Burnt { by: 9 }).expect("JSON");
    let event = RecordedEvent { name: "fuse.burnt".into(), version: 1, payload };
    let mut step = RecordedStep { trigger: "Burn".into(), ..RecordedStep::default() };
    (step.from, step.to, step.body.events) = ("Lit".into(), "Ash".into(), vec![event]);
    let stream = StreamId::new("", "Fuse", "long");
    let append = Append { stream, after: Head::default(), steps: vec![step] };
    store.append(vec![append], Unit::Each).await;
}

#[tokio::test]
async fn a_panic_on_the_way_to_an_instance_stops_that_alone() {
    let store = Arc::new(MemoryStore::new());
    record(&store).await;
    let host = Host::<Fuse>::builder(Arc::clone(&store)).build().await.expect("fine");
    for _ in 0..2 {
        let fired = host.instance("long").fire(FuseTrigger::Burn { by: 1 }).await;
        let FireError::Load(cause) = fired.expect_err("it cannot be loaded") else { panic!("of no load") };
        assert_eq!(
            cause.to_string(),
            "the code that reads record 1 of `Fuse/long` panicked: mend the event's `Upcast` or `Apply`"
        );
        host.instance("short").fire(FuseTrigger::Burn { by: 1 }).await.expect("there is as much");
    }
    host.shutdown().await;
    let mut stopped = Vec::new();
    let check = ReplayCheck::<Fuse>::new(store);
    let mut findings = check.findings();
    while let Some(finding) = findings.next().await.expect("memory") {
        stopped.extend(
            matches!(finding.verdict, Verdict::Undecodable { .. }).then_some(finding.stream.instance),
        );
    }
    assert_eq!(stopped, ["long".into()]);
}
