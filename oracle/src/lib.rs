//! Holds generated steps against a literal interpreter of W3C SCXML, Appendix D.
//!
//! [`Interpreter`] works over a machine's definition and shares no code with the runtime; [`World`] is the data of all
//! machines here: a trace of what was done in what state, and bits that guards look at.

#![allow(clippy::missing_panics_doc, reason = "what it does not understand ends the test")]

mod interpreter;
mod world;

pub use interpreter::{Interpreter, Outcome, Stimulus};
pub use world::{Did, World};
