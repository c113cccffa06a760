//! Steps and appends that the tests write, and what they ask of a store about them.

use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit,
};

pub(crate) fn stream(instance: &str) -> StreamId {
    StreamId::new("acme", "Order", instance)
}

/// A step with that command id and one event.
pub(crate) fn step(command: &str) -> RecordedStep {
    step_of(command, Payload::of(&command).expect("plain"))
}

pub(crate) fn step_of(command: &str, payload: Payload) -> RecordedStep {
    let mut step = RecordedStep { command: command.into(), trigger: "Pay".into(), ..RecordedStep::default() };
    step.body.events.push(RecordedEvent { name: "order.paid".into(), version: 1, payload });
    step
}

pub(crate) fn request(stream: &StreamId, after: u64, steps: Vec<RecordedStep>) -> Append {
    let after = Head { revision: Revision(after), token: after };
    Append { stream: stream.clone(), after, steps }
}

/// Appends one step behind that revision.
pub(crate) async fn append(store: &dyn Store, stream: &StreamId, after: u64, command: &str) -> Outcome {
    let mut outcomes = store.append(vec![request(stream, after, vec![step(command)])], Unit::Each).await;
    assert_eq!(outcomes.len(), 1, "one outcome for one request");
    outcomes.remove(0)
}

/// The revision that was appended up to.
pub(crate) fn appended(outcome: &Outcome) -> u64 {
    let Outcome::Appended(head) = outcome else { panic!("not recorded: {outcome:?}") };
    head.revision.0
}

/// Command ids of a stream, in order.
pub(crate) async fn commands(store: &dyn Store, stream: &StreamId) -> Vec<String> {
    let (records, head) = store.read(stream, Revision(0), 10_000).await.expect("the stream is read");
    assert_eq!(head.revision.0, records.len() as u64);
    records.iter().map(|record| record.step.command.to_string()).collect()
}
