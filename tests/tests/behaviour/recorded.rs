//! Records as older programs wrote them.

use serde_json::Value;
use statewright::Machine;
use statewright::store::{
    Append, Body, Envelope, Head, MemoryStore, Outcome, Payload, RecordedEvent, RecordedStep, Store,
    StreamId, Unit,
};
use std::collections::BTreeMap;

/// A store in which an instance has one record: these events, by name and version, and the state entered.
pub(crate) async fn recorded<M: Machine>(
    instance: &str,
    to: &'static str,
    events: &[(&str, u32, Value)],
    metadata: BTreeMap<String, String>,
) -> MemoryStore {
    let store = MemoryStore::new();
    let events = events.iter().map(|(name, version, payload)| RecordedEvent {
        name: (*name).to_owned().into(),
        version: *version,
        payload: Payload::of(payload).expect("JSON"),
    });
    let body = Body {
        events: events.collect(),
        envelope: Envelope { machine_version: 1, metadata, ..Envelope::default() },
        ..Body::default()
    };
    let step = RecordedStep {
        command: "old".into(),
        trigger: "Fill".into(),
        from: to.into(),
        to: to.into(),
        body,
        ..RecordedStep::default()
    };
    let stream = StreamId::new("", M::DEFINITION.machine, instance);
    let append = Append { stream, after: Head::default(), steps: vec![step] };
    let outcomes = store.append(vec![append], Unit::Each).await;
    assert!(matches!(outcomes.as_slice(), [Outcome::Appended(_)]));
    store
}
