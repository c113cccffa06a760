//! Small appends for the tests of this crate.

use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit,
};

pub(crate) fn id(name: &str) -> StreamId {
    StreamId::new("", "M", name)
}

pub(crate) fn step(command: &str) -> RecordedStep {
    let payload = Payload::of(&command).expect("plain");
    let mut step = RecordedStep { command: command.into(), ..RecordedStep::default() };
    step.body.events.push(RecordedEvent { name: "e".into(), version: 1, payload });
    step
}

pub(crate) fn request(name: &str, after: u64, command: &str) -> Append {
    let after = Head { revision: Revision(after), token: after };
    Append { stream: id(name), after, steps: vec![step(command)] }
}

pub(crate) async fn append(store: &dyn Store, name: &str, after: u64) -> Outcome {
    store.append(vec![request(name, after, &format!("{name}/{after}"))], Unit::Each).await.remove(0)
}

pub(crate) async fn grow(store: &dyn Store, name: &str, n: u64) {
    for _ in 0..n {
        let outcome = append(store, name, revision(store, name).await).await;
        assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
    }
}

pub(crate) async fn revision(store: &dyn Store, name: &str) -> u64 {
    store.head(&id(name)).await.expect("the head is read").revision.0
}

/// All commands of a stream.
pub(crate) async fn commands(store: &dyn Store, name: &str) -> Vec<String> {
    let (records, _) = store.read(&id(name), Revision(0), 1_000).await.expect("it is read");
    records.into_iter().map(|record| record.step.command.to_string()).collect()
}
