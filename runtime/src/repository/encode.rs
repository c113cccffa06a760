//! From a step to its recorded form.

use crate::cx::Cx;
use crate::definition::NodeId;
use crate::definition::chart::Nodes;
use crate::explain::{Rejection, Text};
use crate::instance::{Changes, Due, Instance, Step};
use crate::machine::{Machine, MachineEffect, MachineEvent, MachineState, is_personal};
use crate::personal::{in_effect, in_event};
use crate::store::{Body, Envelope, Kind, Payload, RecordedEffect, RecordedEvent, RecordedStep, TimerChange};
use crate::timers::{Ledger, Timer};
use jiff::SignedDuration;
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
        let payload = if is_personal::<M>() {
            in_event(cx.address(), event.name(), || event.payload())?
        } else {
            event.payload()?
        };
        let payload = Payload::from(payload);
        Ok(RecordedEvent { name: event.name().into(), version: event.version(), payload })
    };
    let events = step.events.iter().map(event).collect::<Result<_, serde_json::Error>>()?;
    let effect = |effect: &M::Effect| {
        if is_personal::<M>() {
            in_effect(cx.address(), effect.name(), || encode_effect(effect))
        } else {
            encode_effect(effect)
        }
    };
    let effects = step.effects.iter().map(effect).collect::<Result<_, _>>()?;
    let due = step.changes.as_ref().and_then(|changes| changes.due);
    let trigger: Text = match due {
        Some(Due { timer, .. }) if origin.trigger.is_empty() => M::DEFINITION.timer_name(timer.arm).into(),
        _ => origin.trigger.into(),
    };
    let (command, envelope) = origin.envelope::<M>();
    Ok(RecordedStep {
        kind: Kind::Step,
        at: cx.now(),
        command,
        trigger,
        from: step.from.text(),
        to: step.to.text(),
        body: Body {
            events,
            effects,
            timers: step.changes.iter().flat_map(|changes| encode_timers::<M>(changes)).collect(),
            histories: step.changes.iter().flat_map(|changes| encode_histories::<M>(changes)).collect(),
            missed: due.map_or(0, |due| due.missed),
            unasked: due.is_some_and(|due| due.unasked),
            envelope,
            ..Body::default()
        },
    })
}

/// Timers cleared, then timers set.
fn encode_timers<M: Machine>(changes: &Changes) -> Vec<TimerChange> {
    let name = |timer: &Timer| M::DEFINITION.timer_name(timer.arm).into();
    let cleared =
        changes.cleared.iter().map(|timer| TimerChange { name: name(timer), due: None, every: None });
    cleared.chain(changes.set.iter().map(|timer| encode_timer::<M>(timer))).collect()
}

/// The recorded form of a timer that is set.
pub(crate) fn encode_timer<M: Machine>(timer: &Timer) -> TimerChange {
    let every = timer.every.map(|every| i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
    TimerChange { name: M::DEFINITION.timer_name(timer.arm).into(), due: Some(timer.due), every }
}

fn encode_histories<M: Machine>(changes: &Changes) -> Vec<(Text, Vec<Text>)> {
    let history = |(history, nodes): &(NodeId, Nodes)| encode_history::<M>(*history, nodes);
    changes.remembered.iter().map(history).collect()
}

/// The recorded form of what a history stands for.
pub(crate) fn encode_history<M: Machine>(history: NodeId, nodes: &[NodeId]) -> (Text, Vec<Text>) {
    let name = |id: NodeId| M::DEFINITION.name(id).into();
    (name(history), nodes.iter().copied().map(name).collect())
}

/// Takes over recorded timers and histories. How many timers were dropped, because their arms have gone.
pub(crate) fn apply_changes<M: Machine>(
    ledger: &mut Ledger,
    timers: &[TimerChange],
    histories: &BTreeMap<Text, Vec<Text>>,
) -> Result<u32, String> {
    let definition = M::DEFINITION;
    let mut dropped = 0;
    for change in timers {
        match (definition.find_timer(&change.name), change.due) {
            (Some(arm), Some(due)) => {
                let every = change.every.map(SignedDuration::from_micros);
                ledger.timers.set(Timer { arm, due, every });
            }
            (Some(arm), None) => ledger.timers.clear(|timer| timer == arm),
            (None, due) => dropped += u32::from(due.is_some()),
        }
    }
    for (history, nodes) in histories {
        // A history that has gone is asked by nobody, so what it stood for may be gone too.
        let Some(history) = definition.find(definition.migrated(history)) else { continue };
        let find = |name: &Text| definition.find(definition.migrated(name)).ok_or_else(|| name.to_string());
        ledger.memory.set(history, nodes.iter().map(find).collect::<Result<Nodes, _>>()?);
    }
    Ok(dropped)
}

/// The recorded form of a refusal of an instance that rests as it did before.
pub(crate) fn encode_rejection<M: Machine>(
    rejection: &Rejection,
    instance: &Instance<M>,
    origin: Origin,
) -> Result<RecordedStep, serde_json::Error> {
    let trigger = origin.trigger;
    let (command, envelope) = origin.envelope::<M>();
    let (cx, state) = (instance.cx(), instance.state().text());
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
