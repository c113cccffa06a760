//! Realistic machines, written to be read: start with `turnstile`.

pub mod incident;
pub mod order;
pub mod turnstile;
