//! The door through which generated code enters. Nothing here is for people, and nothing here is stable.

pub use crate::cx::Cx;
pub use crate::definition::chart::Nodes;
pub use crate::definition::{
    ActionDef, ArmDef, ArmId, DataDef, Definition, EffectDef, EventDef, LimitDef, LimitScope, Location,
    MigrationDef, NodeDef, NodeId, NodeKind, On, RetiredDef, TargetDef, TriggerDef, TriggerId, Unhandled,
};
pub use crate::effect::{EffectAnswer, EffectCx, HandledBy};
pub use crate::engine::decide;
pub use crate::event::schema::{
    EventData, Field, Reading, Schema, Tagging, Variant, Written, as_text, text_len, write_text,
};
pub use crate::event::*;
pub use crate::machine::{
    Decision, Emits, Machine, MachineEffect, MachineEvent, MachineState, MachineTrigger, NoEffects, NoEvents,
    UnknownState, active, apply, deserialize_state, never, parse_state, pick, reason, text_of,
};
pub use crate::personal::{Personal, PersonalError, subject_of};
pub use crate::stepper::{Look, Pass, Stepper};
pub use crate::timers::{Period, period};
pub use ::jiff::SignedDuration;
pub use futures_core::future::BoxFuture;
pub use serde;
pub use serde_json;
