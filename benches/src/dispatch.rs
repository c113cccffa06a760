//! What deciding a trigger costs, in memory, beside a `match` written by hand and beside other crates: the same
//! machine, the same random triggers, turn by turn in one run.

mod bare;
mod flat;
mod nested;
mod parallel;

use crate::Failure;
use crate::race::{Contestant, race};

pub(crate) fn run() -> Result<(), Failure> {
    flat::run();
    nested::run();
    parallel::run()
}
