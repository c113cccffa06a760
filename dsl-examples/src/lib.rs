//! Realistic machines, written to be read: start with `turnstile`;
//! `parcel` has every construct of the language.

pub mod incident;
pub mod order;
pub mod parcel;
pub mod turnstile;
