//! The PostgreSQL store keeps the contract, on every version of the server, behind a pooler, and for a role that
//! writes a protected store and does not own it.

mod copy;
mod failures;
mod options;
mod pair;
mod place;
mod plans;
mod pooler;
mod protection;
mod schema;
mod spread;
mod versions;

statewright::conformance!(network crate::place::Schema);

mod oldest {
    statewright::conformance!(shared crate::place::Version<{ crate::place::OLDEST }>);
}

mod pooled {
    statewright::conformance!(shared crate::pooler::Pooled);
}
