//! The data of every machine that is held against the interpreter.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use std::fmt::Display;

/// What was done, in order, and bits that each of it flips.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct World {
    bits: u64,
    /// Number of each thing done, and the state as the action saw it.
    pub log: Vec<String>,
}

/// Something was done.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "oracle.did", version = 1)]
pub struct Did {
    what: u32,
    seen: String,
}

impl Did {
    /// In this state.
    pub fn at(what: u32, state: &impl Display) -> Self {
        Self { what, seen: state.to_string() }
    }
}

impl World {
    /// Whether a bit is set: it was flipped an odd number of times.
    pub fn is(&self, bit: u32) -> bool {
        self.bits >> (bit % 64) & 1 == 1
    }
}

impl Apply<Did> for World {
    fn apply(&mut self, event: &Did) {
        self.bits ^= 1 << (event.what % 64);
        self.log.push(format!("{} in {}", event.what, event.seen));
    }
}
