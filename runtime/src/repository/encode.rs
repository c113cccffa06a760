//! From a step to its recorded form.

use crate::cx::Cx;
use crate::explain::Rejection;
use crate::instance::Step;
use crate::machine::{Machine, MachineEffect, MachineEvent, MachineState};
use crate::store::{Body, Envelope, Kind, Payload, RecordedEffect, RecordedEvent, RecordedStep};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a step comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The command's id; empty for a step that nobody will repeat.
    pub command: Arc<str>,
    /// The trigger's name.
    pub trigger: &'static str,
    /// What belongs together.
    pub correlation: Option<Arc<str>>,
    /// What led to it.
    pub causation: Option<Arc<str>>,
    /// Who asked.
    pub actor: Option<Arc<str>>,
    /// The caller's own.
    pub metadata: BTreeMap<String, String>,
}

impl Origin {
    fn envelope<M: Machine>(self) -> (Arc<str>, Envelope) {
        let Self { command, correlation, causation, actor, metadata, .. } = self;
        (
            command,
            Envelope { machine_version: M::DEFINITION.version, correlation, causation, actor, metadata },
        )
    }
}

/// The recorded form of an accepted step.
pub(crate) fn encode_step<M: Machine>(
    step: &Step<M>,
    cx: &Cx,
    origin: Origin,
) -> Result<RecordedStep, serde_json::Error> {
    let event = |event: &M::Event| {
        let payload = Payload::from(event.payload()?);
        Ok(RecordedEvent { name: event.name().into(), version: event.version(), payload })
    };
    let events = step.events.iter().map(event).collect::<Result<_, serde_json::Error>>()?;
    let effects = step.effects.iter().map(encode_effect).collect::<Result<_, _>>()?;
    let trigger = origin.trigger;
    let (command, envelope) = origin.envelope::<M>();
    Ok(RecordedStep {
        kind: Kind::Step,
        at: cx.now(),
        command,
        trigger: trigger.into(),
        from: M::DEFINITION.name(step.from.leaf()).into(),
        to: M::DEFINITION.name(step.to.leaf()).into(),
        body: Body { events, effects, envelope, ..Body::default() },
    })
}

/// The recorded form of a refusal.
pub(crate) fn encode_rejection<M: Machine>(
    rejection: &Rejection,
    cx: &Cx,
    origin: Origin,
) -> Result<RecordedStep, serde_json::Error> {
    let trigger = origin.trigger;
    let (command, envelope) = origin.envelope::<M>();
    let state = rejection.explanation().state.clone();
    Ok(RecordedStep {
        kind: Kind::Rejection,
        at: cx.now(),
        command,
        trigger: trigger.into(),
        from: state.clone(),
        to: state,
        body: Body { rejection: Some(Payload::of(rejection)?), envelope, ..Body::default() },
    })
}

/// An effect serialises as `{"name": …, "payload": …}`: that is its recorded form.
fn encode_effect<E: MachineEffect>(effect: &E) -> Result<RecordedEffect, serde_json::Error> {
    let json = Payload::of(effect)?;
    RecordedEffect::deserialize(&mut serde_json::Deserializer::from_str(json.get()))
}
