//! The PostgreSQL store keeps the contract, on the newest server, on the oldest, and as behind a pooler.

mod copy;
mod failures;
mod options;
mod pair;
mod place;
mod plans;
mod schema;
mod spread;

statewright::conformance!(network crate::place::Schema);

mod oldest {
    statewright::conformance!(shared crate::place::Oldest);
}

mod pooled {
    statewright::conformance!(shared crate::place::Pooled);
}
