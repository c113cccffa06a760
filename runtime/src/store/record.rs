//! One step as recorded.

use super::{Payload, Revision, StreamId};
use crate::explain::Text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stored step: one row, one message, one item.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Whose.
    pub stream: StreamId,
    /// Its number in the stream.
    pub revision: Revision,
    /// What was recorded.
    pub step: RecordedStep,
}

/// What kind of record it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An accepted trigger.
    #[default]
    Step,
    /// A refusal, kept because the command asked for it; changes nothing.
    Rejection,
    /// The last record that a stream can have.
    Deleted,
    /// What [`erase`](super::Store::erase) leaves of a record: key, kind and time.
    Erased,
}

impl Kind {
    /// The name under which it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Rejection => "rejection",
            Self::Deleted => "deleted",
            Self::Erased => "erased",
        }
    }

    /// The kind that is stored under a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Step, Self::Rejection, Self::Deleted, Self::Erased]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A step without its address.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RecordedStep {
    /// What kind of record it is.
    pub kind: Kind,
    /// When, in microseconds; never decreasing within a stream.
    pub at: Timestamp,
    /// The caller's id, or one made by the host: a step can always be recognised again.
    pub command: Arc<str>,
    /// The trigger's name. Its payload is not recorded: what matters of it is in the events.
    pub trigger: Text,
    /// The state left.
    pub from: Text,
    /// The state entered.
    pub to: Text,
    /// All else.
    pub body: Body,
}

/// What a store keeps of a step without looking at it: the event format of `docs/event-format.md`. Keys that are
/// absent are empty, keys that are unknown are passed over.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Body {
    /// What happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RecordedEvent>,
    /// What is to be done outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<RecordedEffect>,
    /// Deadlines set and cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerChange>,
    /// Turns of the timer that began the step that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// The timer was due and its arm was not asked: its turns were skipped, or its step was refused.
    #[serde(skip_serializing_if = "is_false")]
    pub unasked: bool,
    /// Histories, and the names of the nodes that each stands for from now on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub histories: BTreeMap<Text, Vec<Text>>,
    /// A recorded refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Payload>,
    /// Where it comes from.
    pub envelope: Envelope,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// `name` of its type.
    pub name: Text,
    /// `version` of its type.
    pub version: u32,
    /// The event, JSON.
    pub payload: Payload,
}

/// One thing to do outside. Its key for ever is stream, revision and place in the record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedEffect {
    /// The effect's name.
    pub name: Text,
    /// Its fields, JSON; absent when it has none.
    #[serde(default, skip_serializing_if = "is_null")]
    pub payload: Payload,
}

fn is_null(payload: &Payload) -> bool {
    payload.get() == "null"
}

/// A deadline set, or with `None` cleared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TimerChange {
    /// The timer's name: its node's, `#`, and its place among the timers there, from 0.
    pub name: Text,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// Microseconds until its next turn, if it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<i64>,
}

/// Where a step comes from: carried, never looked at by a store.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Envelope {
    /// `version` of the machine that decided it.
    pub machine_version: u32,
    /// What belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Arc<str>>,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation: Option<Arc<str>>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Arc<str>>,
    /// The caller's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl RecordedStep {
    /// Payload bytes: what the limits count.
    pub fn bytes(&self) -> usize {
        let events = self.body.events.iter().map(|event| event.payload.get().len());
        let effects = self.body.effects.iter().map(|effect| effect.payload.get().len());
        let rejection = self.body.rejection.iter().map(|rejection| rejection.get().len());
        let metadata = self.body.envelope.metadata.iter().map(|(key, value)| key.len() + value.len());
        events.chain(effects).chain(rejection).chain(metadata).sum::<usize>() + self.command.len()
    }

    /// What erasing leaves.
    #[must_use]
    pub fn erased(&self) -> Self {
        Self { kind: Kind::Erased, at: self.at, ..Self::default() }
    }
}
