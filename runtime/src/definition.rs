//! The whole graph of a machine as static data: what diagrams, explanations and tools read.
//!
//! The compiler writes it; nothing here decides a step.

pub use statewright_definition::*;

/// The definition of a machine that is compiled in.
pub type Definition = statewright_definition::Definition<'static>;
