//! The contract as tests: what every store passes. A store's test calls [`conformance!`](crate::conformance) with an
//! expression that opens a fresh store.
//!
//! The cases know the contract alone; what is particular to one store stands with that store.

#![allow(clippy::missing_panics_doc, reason = "a case that fails panics")]

mod cells;
mod log;
mod order;
mod queries;
mod streams;

pub use cells::{cells_are_compared_and_set, cells_are_listed_in_order};
pub use log::{
    a_batch_is_all_or_nothing, a_deleted_stream_stays_gone, a_phantom_head_is_a_conflict,
    a_step_is_kept_whole, large_steps_are_taken_up_to_the_limit, of_many_writers_one_wins,
    requests_fail_alone, several_steps_are_one,
};
pub use order::{
    a_scan_goes_on_behind_any_record, a_scan_misses_nothing_under_writers,
    the_end_is_behind_what_was_answered,
};
pub use queries::{what_is_asked_is_answered_from_the_records, where_streams_stood_is_told};
pub use streams::{hostile_ids_are_apart, streams_are_listed_in_order, tenants_are_apart};

use super::{Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit};

/// One test for each case of the contract. `$open` is an expression that opens a fresh store; it may borrow nothing.
#[macro_export]
macro_rules! conformance {
    ($open:expr) => {
        $crate::conformance! { @each $open;
            requests_fail_alone
            a_phantom_head_is_a_conflict
            several_steps_are_one
            a_batch_is_all_or_nothing
            of_many_writers_one_wins
            a_deleted_stream_stays_gone
            a_step_is_kept_whole
            large_steps_are_taken_up_to_the_limit
            a_scan_misses_nothing_under_writers
            a_scan_goes_on_behind_any_record
            the_end_is_behind_what_was_answered
            tenants_are_apart
            hostile_ids_are_apart
            streams_are_listed_in_order
            cells_are_compared_and_set
            cells_are_listed_in_order
            where_streams_stood_is_told
            what_is_asked_is_answered_from_the_records
        }
    };
    (@each $open:expr; $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new($open);
                $crate::store::conformance::$case(store).await;
            }
        )*
    };
}

fn stream(instance: &str) -> StreamId {
    StreamId::new("acme", "Order", instance)
}

fn step(command: &str) -> RecordedStep {
    let payload = Payload::of(&command).unwrap_or_default();
    let mut step = RecordedStep { command: command.into(), trigger: "Pay".into(), ..RecordedStep::default() };
    step.body.events.push(RecordedEvent { name: "order.paid".into(), version: 1, payload });
    step
}

fn request(stream: &StreamId, after: Head, steps: Vec<RecordedStep>) -> Append {
    Append { stream: stream.clone(), after, steps }
}

async fn append_one(store: &dyn Store, stream: &StreamId, after: Head, step: RecordedStep) -> Outcome {
    let mut outcomes = store.append(vec![request(stream, after, vec![step])], Unit::Each).await;
    assert_eq!(outcomes.len(), 1, "one outcome for one request");
    outcomes.remove(0)
}

/// Appends `n` steps, one after the other.
async fn grow(store: &dyn Store, stream: &StreamId, n: usize) -> Head {
    let mut head = store.head(stream).await.expect("the head is read");
    for k in 0..n {
        let outcome = append_one(store, stream, head, step(&format!("{}/{k}", head.revision))).await;
        let Outcome::Appended(next) = outcome else { panic!("nobody else writes: {outcome:?}") };
        assert_eq!(next.revision, head.revision.plus(1));
        head = next;
    }
    head
}

async fn commands(store: &dyn Store, stream: &StreamId) -> Vec<String> {
    let (records, head) = store.read(stream, Revision(0), 10_000).await.expect("the stream is read");
    assert_eq!(head.revision.0, records.len() as u64);
    records.iter().map(|record| record.step.command.to_string()).collect()
}
