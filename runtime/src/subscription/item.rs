//! What is handed out: a record as it is stored, or as a machine reads it.

use super::SubscriptionError;
use crate::error::LoadError;
use crate::history::Transition;
use crate::machine::{Machine, MachineEvent};
use crate::store::Record;

mod sealed {
    /// Only this crate says what is handed out.
    pub trait Sealed {}
}

/// What a subscription hands out: [`Record`] or [`Transition`].
pub trait Item: sealed::Sealed + Sized + Send + 'static {
    /// Reads a record.
    ///
    /// # Errors
    /// An event or a state cannot be read by this program.
    fn read(record: Record) -> Result<Self, LoadError>;

    /// The record as it is stored.
    fn record(&self) -> &Record;

    /// Whether an event of this name is in it.
    fn has_event(&self, name: &str) -> bool;

    /// Whether there can be an event of this name.
    ///
    /// # Errors
    /// [`SubscriptionError::UnknownEvent`].
    fn check_event(name: &str) -> Result<(), SubscriptionError>;
}

impl sealed::Sealed for Record {}

impl Item for Record {
    fn read(record: Record) -> Result<Self, LoadError> {
        Ok(record)
    }

    fn record(&self) -> &Record {
        self
    }

    fn has_event(&self, name: &str) -> bool {
        self.step.body.events.iter().any(|event| event.name == name)
    }

    fn check_event(_name: &str) -> Result<(), SubscriptionError> {
        Ok(())
    }
}

impl<M: Machine> sealed::Sealed for Transition<M> {}

impl<M: Machine> Item for Transition<M> {
    fn read(record: Record) -> Result<Self, LoadError> {
        Self::read(record)
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn has_event(&self, name: &str) -> bool {
        self.events.iter().any(|event| event.name() == name) || self.record.has_event(name)
    }

    fn check_event(name: &str) -> Result<(), SubscriptionError> {
        let listed = M::DEFINITION.events.iter().map(|event| event.name);
        let retired = M::DEFINITION.retired.iter().map(|event| event.name);
        if listed.chain(retired).any(|known| known == name) {
            return Ok(());
        }
        Err(SubscriptionError::UnknownEvent { machine: M::DEFINITION.machine, name: name.to_owned() })
    }
}
