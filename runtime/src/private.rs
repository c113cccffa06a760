//! The door through which generated code enters. Nothing here is for people, and nothing here is stable.

pub use crate::cx::Cx;
pub use crate::definition::{
    ActionDef, ArmDef, ArmId, DataDef, Definition, EventDef, Location, NameDef, NodeDef, NodeId, NodeKind,
    TargetDef, TriggerId, Unhandled,
};
pub use crate::effect::{EffectAnswer, EffectCx, HandledBy};
pub use crate::event::*;
pub use crate::machine::{
    Decision, Emits, Machine, MachineEffect, MachineEvent, MachineState, MachineTrigger, NoEffects, NoEvents,
    UnknownState, apply, deserialize_state, reason,
};
pub use crate::stepper::{Look, Pass, Stepper};
pub use futures_core::future::BoxFuture;
pub use serde;
pub use serde_json;
