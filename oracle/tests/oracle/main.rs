//! Generated code against the interpreter, and what is drawn against the parsers that people use.

mod appendix_d;
mod clauses;
mod diagrams;
mod leads;

#[allow(clippy::all, clippy::pedantic, warnings, reason = "random machines are not well written")]
mod machines {
    use crate::Run;
    include!(concat!(env!("OUT_DIR"), "/machines.rs"));
}

/// Something to do with every random machine, and the way to make its triggers.
pub trait Run {
    /// Does it with one.
    fn machine<M: statewright::Machine<Data = statewright_oracle::World>>(
        &mut self,
        trigger: fn(u16, u8) -> M::Trigger,
    );
}
