//! A part of the suite that sends every statement, where the whole of it would tell nothing new: on every version but the
//! oldest, and for a role that writes a protected store and does not own it.

macro_rules! part {
    ($place:ty) => {
        part! { $place, store
            requests_fail_alone several_steps_are_one a_batch_is_all_or_nothing of_many_writers_one_wins
            a_deleted_stream_stays_gone a_step_is_kept_whole a_scan_misses_nothing_under_writers
            the_end_is_behind_what_was_answered hostile_ids_are_apart streams_are_listed_in_order
            cells_are_compared_and_set cells_are_listed_in_order
        }
        part! { $place, place
            a_handle_is_told_of_what_another_appends of_cells_written_at_once_one_wins
        }
    };
    ($place:ty, $from:ident $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let place = <$place>::fresh().await;
                part!(@ $from place $case);
                place.remove().await;
            }
        )*
    };
    (@ store $place:ident $case:ident) => {
        conformance::$case($place.open().await).await
    };
    (@ place $place:ident $case:ident) => {
        conformance::$case(&$place).await
    };
}

mod version_16 {
    use crate::place::Version;
    use statewright::store::conformance::{self, Place};

    part!(Version<16>);
}

mod version_17 {
    use crate::place::Version;
    use statewright::store::conformance::{self, Place};

    part!(Version<17>);
}

mod version_18 {
    use crate::place::Version;
    use statewright::store::conformance::{self, Place};

    part!(Version<18>);
}

mod protected {
    use crate::protection::Protected;
    use statewright::store::conformance::{self, Place};

    part!(Protected);
}
