//! One machine in two versions, as two releases of a program hold it.
//!
//! What the second one can read of the first's records, and the first not of the second's, stands in their `events`
//! and states.

pub mod v1;
pub mod v2;
