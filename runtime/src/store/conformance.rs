//! The contract as tests: what every store passes. A store's test calls [`conformance!`](crate::conformance).
//!
//! A store without a network says how one is opened: `conformance!(fresh())`. One that several handles, hosts and
//! processes use at once implements [`Place`], and `conformance!(shared MyPlace)` tries several handles against each other
//! too. One behind a network implements [`NetworkPlace`] besides, and `conformance!(network MyPlace)` also cuts, delays
//! and half-closes its connections in every call ([`proxy`]). Nothing is skipped: what a form does not try is not among
//! its tests.
//!
//! Besides the contract, every form tries what stands on it: hosts of two small machines, over one handle what their callers,
//! timers, effects, subscribers and tenants are promised, over several what hosts do for each other. They run on fake clocks,
//! turned no faster than the store lets hosts keep up, so a slow server makes a case slow and not wrong.
//!
//! The cases know the contract and the hosts alone; what is particular to one store stands with that store.

#![allow(clippy::missing_panics_doc, reason = "a case that fails panics")]

mod cells;
mod ends;
mod fleet;
mod handles;
mod hosts;
pub mod load;
mod log;
mod machine;
mod network;
mod order;
mod pace;
mod place;
pub mod proxy;
mod queries;
mod readers;
mod streams;
mod work;
mod writers;

pub use cells::{cells_are_compared_and_set, cells_are_listed_in_order};
pub use ends::{an_instance_that_is_deleted_never_comes_back, tenants_of_a_host_have_nothing_in_common};
pub use fleet::{
    a_host_that_was_paused_is_fenced, a_lease_has_one_holder, hosts_settle_their_conflicts,
    hosts_share_timers_and_effects, hosts_whose_clocks_differ_lose_no_timer,
};
pub use handles::{
    a_deletion_holds_for_every_handle, a_follower_misses_nothing_of_any_handle,
    a_handle_is_told_of_what_another_appends, of_cells_written_at_once_one_wins,
    of_writers_on_many_handles_one_wins, what_one_handle_writes_another_reads,
    what_was_erased_is_not_followed,
};
pub use hosts::{
    a_command_is_recorded_once_whoever_is_asked_again, a_command_is_recorded_where_it_is_expected,
    an_instance_is_the_same_from_any_snapshot, what_is_one_for_a_host_is_one_in_the_store,
};
pub use log::{
    a_batch_is_all_or_nothing, a_deleted_stream_stays_gone, a_phantom_head_is_a_conflict,
    a_step_is_kept_whole, large_steps_are_taken_up_to_the_limit, of_many_writers_one_wins,
    requests_fail_alone, several_steps_are_one,
};
pub use network::{
    a_connection_that_is_held_is_survived, a_cut_before_the_answer_is_survived,
    a_cut_before_the_request_is_survived, a_cut_behind_the_answer_is_survived,
    a_cut_within_the_request_is_survived, a_half_closed_connection_is_survived,
    a_reader_that_waits_outlives_its_connection, a_server_that_is_gone_is_survived,
    a_slow_connection_is_only_slow,
};
pub use order::{
    a_scan_goes_on_behind_any_record, a_scan_misses_nothing_under_writers,
    the_end_is_behind_what_was_answered,
};
pub use place::{NetworkPlace, Place};
pub use queries::{what_is_asked_is_answered_from_the_records, where_streams_stood_is_told};
pub use readers::{consumers_of_a_name_share_what_is_recorded, subscribers_on_many_handles_see_the_same};
pub use streams::{hostile_ids_are_apart, streams_are_listed_in_order, tenants_are_apart};
pub use work::{
    a_subscription_goes_on_where_it_was, effects_are_done_and_answered, timers_run_once_when_they_are_due,
};
pub use writers::{writers_on_many_handles_disturb_no_reader, writers_that_give_up_disturb_no_reader};

use super::{Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit};

/// One test for each case of the contract, in the module where it stands.
///
/// - `conformance!(open)`: an expression that opens a fresh store; it may borrow nothing.
/// - `conformance!(shared Place)`: a [`Place`], and the cases of several handles besides.
/// - `conformance!(network Place)`: a [`NetworkPlace`], and those of lost connections besides.
#[macro_export]
macro_rules! conformance {
    (shared $place:ty) => {
        $crate::conformance! { @stores (store $place) }
        $crate::conformance! { @places (place $place) }
    };
    (network $place:ty) => {
        $crate::conformance! { shared $place }
        $crate::conformance! { @networks (place $place) }
    };
    (@stores $how:tt) => {
        $crate::conformance! { @each $how
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
            writers_that_give_up_disturb_no_reader
            tenants_are_apart
            hostile_ids_are_apart
            streams_are_listed_in_order
            cells_are_compared_and_set
            cells_are_listed_in_order
            where_streams_stood_is_told
            what_is_asked_is_answered_from_the_records
            a_command_is_recorded_where_it_is_expected
            a_command_is_recorded_once_whoever_is_asked_again
            what_is_one_for_a_host_is_one_in_the_store
            an_instance_is_the_same_from_any_snapshot
            timers_run_once_when_they_are_due
            effects_are_done_and_answered
            a_subscription_goes_on_where_it_was
            an_instance_that_is_deleted_never_comes_back
            tenants_of_a_host_have_nothing_in_common
        }
    };
    (@places $how:tt) => {
        $crate::conformance! { @each $how
            what_one_handle_writes_another_reads
            of_writers_on_many_handles_one_wins
            a_handle_is_told_of_what_another_appends
            a_follower_misses_nothing_of_any_handle
            what_was_erased_is_not_followed
            a_deletion_holds_for_every_handle
            of_cells_written_at_once_one_wins
            writers_on_many_handles_disturb_no_reader
            a_lease_has_one_holder
            a_host_that_was_paused_is_fenced
            hosts_share_timers_and_effects
            hosts_whose_clocks_differ_lose_no_timer
            hosts_settle_their_conflicts
            subscribers_on_many_handles_see_the_same
            consumers_of_a_name_share_what_is_recorded
        }
    };
    (@networks $how:tt) => {
        $crate::conformance! { @each $how
            a_server_that_is_gone_is_survived
            a_cut_before_the_request_is_survived
            a_cut_within_the_request_is_survived
            a_cut_before_the_answer_is_survived
            a_cut_behind_the_answer_is_survived
            a_half_closed_connection_is_survived
            a_connection_that_is_held_is_survived
            a_slow_connection_is_only_slow
            a_reader_that_waits_outlives_its_connection
        }
    };
    (@each $how:tt $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance! { @run $how $case }
            }
        )*
    };
    (@run (open $open:expr) $case:ident) => {
        let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new($open);
        $crate::store::conformance::$case(store).await;
    };
    (@run (store $place:ty) $case:ident) => {
        let place = <$place as $crate::store::conformance::Place>::fresh().await;
        let store = $crate::store::conformance::Place::open(&place).await;
        $crate::store::conformance::$case(store).await;
        $crate::store::conformance::Place::remove(place).await;
    };
    (@run (place $place:ty) $case:ident) => {
        let place = <$place as $crate::store::conformance::Place>::fresh().await;
        $crate::store::conformance::$case(&place).await;
        $crate::store::conformance::Place::remove(place).await;
    };
    ($open:expr) => {
        $crate::conformance! { @stores (open $open) }
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
