//! Where a recorded event comes from: what an upcast may look at.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// Where a recorded event comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpcastContext {
    /// The tenant; empty where there are none.
    pub(crate) tenant: Box<str>,
    pub(crate) machine: Box<str>,
    pub(crate) instance: Box<str>,
    pub(crate) revision: u64,
    pub(crate) recorded_at: Timestamp,
    metadata: BTreeMap<String, String>,
    position: u32,
    stored_version: u32,
}

impl UpcastContext {
    /// The context of the records of one instance; [`at`](Self::at) moves it from record to record.
    pub fn new(tenant: &str, machine: &str, instance: &str) -> Self {
        Self {
            tenant: tenant.into(),
            machine: machine.into(),
            instance: instance.into(),
            revision: 0,
            recorded_at: Timestamp::UNIX_EPOCH,
            metadata: BTreeMap::new(),
            position: 0,
            stored_version: 0,
        }
    }

    /// Moves on to a record.
    #[must_use]
    pub fn at(mut self, revision: u64, recorded_at: Timestamp) -> Self {
        self.revision = revision;
        self.recorded_at = recorded_at;
        self
    }

    /// The same in place.
    pub(crate) fn move_to(&mut self, revision: u64, recorded_at: Timestamp) {
        (self.revision, self.recorded_at) = (revision, recorded_at);
    }

    /// What was attached to the record's command.
    pub fn set_metadata(&mut self, metadata: &BTreeMap<String, String>) {
        if !self.metadata.is_empty() || !metadata.is_empty() {
            self.metadata.clone_from(metadata);
        }
    }

    /// Moves on to an event of the record: its place there, from 0, and the version in which it was recorded.
    pub fn set_event(&mut self, position: u32, stored_version: u32) {
        self.position = position;
        self.stored_version = stored_version;
    }

    /// The tenant; empty where there are none.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The machine's name.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// The instance's id.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The revision of the record.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The place of the event in its record, from 0: `(revision, position)` addresses it for ever.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// The version in which the event was recorded, however far it has been lifted since.
    pub fn stored_version(&self) -> u32 {
        self.stored_version
    }

    /// The time of the step that emitted the event.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// What the caller attached to the command that made the step.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}
