//! What generated code says about a machine, for the runtime to drive it.
//!
//! These traits are implemented by `state_machine!`, not by hand; how a step is run is in `instance`.

use crate::definition::chart::{Configuration, Nodes};
use crate::definition::{ArmId, Definition, NodeId, TriggerId};
use crate::event::{DecodeError, Lockable, Stored, UpcastContext};
use crate::stepper::{Pass, Stepper};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

/// A machine: its graph as data, its types, and the function that decides a step.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a machine",
    note = "machines are declared with `state_machine! {{ pub machine {Self} {{ … }} }}`"
)]
pub trait Machine: Sized + Send + Sync + 'static {
    /// The whole graph.
    const DEFINITION: &'static Definition;
    /// The state in which an instance begins.
    const INITIAL: Self::State;

    /// Where an instance can rest.
    type State: MachineState;
    /// What can be asked.
    type Trigger: MachineTrigger;
    /// What can happen.
    type Event: MachineEvent<Self::Data>;
    /// What can be done outside.
    type Effect: MachineEffect;
    /// What the events build up; `Default` is the data at revision 0.
    type Data: Default + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Whether a step can go on by itself, and so fail half-way: the machine has `always` or `done` arms or raises
    /// triggers.
    const RUNS_ON: bool = false;

    /// What its `lock` is to hold; `None` without one.
    const LOCK: Option<&'static Lockable> = None;

    /// Selects arms and takes them, as far as the pass acts.
    fn decide<P: Pass<Self>>(trigger: Self::Trigger, step: &mut P) -> Decision;

    /// The first of a node's own arms, or the machine's own, that answers a trigger; the trigger is handed back. Asked
    /// of machines with regions or histories only.
    fn pick<P: Pass<Self>>(
        source: Option<NodeId>,
        trigger: Self::Trigger,
        step: &P,
    ) -> (Self::Trigger, Option<ArmId>) {
        let _ = (source, step);
        (trigger, None)
    }

    /// Whether the guard holds of an arm that answers no trigger.
    fn holds<P: Pass<Self>>(arm: ArmId, step: &P) -> bool {
        let _ = (arm, step);
        true
    }

    /// What a `reject` arm says.
    fn refuse<P: Pass<Self>>(arm: ArmId, trigger: Self::Trigger, step: &P) -> Cow<'static, str> {
        let _ = (arm, trigger, step);
        Cow::Borrowed("")
    }

    /// Runs an arm's own actions.
    fn act(arm: ArmId, trigger: Option<Self::Trigger>, step: &mut Stepper<'_, Self>) {
        let _ = (arm, trigger, step);
    }

    /// Runs a node's entry actions and sets its timers.
    fn enter(node: NodeId, step: &mut Stepper<'_, Self>) {
        let _ = (node, step);
    }

    /// Runs a node's exit actions and clears its timers.
    fn exit(node: NodeId, step: &mut Stepper<'_, Self>) {
        let _ = (node, step);
    }

    /// Sets the timers of the machine itself.
    fn wind(step: &mut Stepper<'_, Self>) {
        let _ = step;
    }

    /// A copy of the data, for machines whose steps can fail half-way.
    fn keep(data: &Self::Data) -> Option<Self::Data> {
        let _ = data;
        None
    }
}

/// What became of a trigger. The pass has the reason of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// An arm took it; its actions have been run, unless it was only asked.
    Took(ArmId),
    /// Accepted, and nothing happens: by an `ignore` arm, or with `None` by `unhandled ignore`.
    Ignored(Option<ArmId>),
    /// An arm refuses it.
    Refused(ArmId),
    /// No arm answers.
    NotHandled,
}

/// A state of a machine: one value for each place where an instance can rest.
pub trait MachineState:
    Copy
    + Eq
    + Hash
    + Debug
    + Display
    + FromStr<Err = UnknownState>
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The atomic and final states that the instance rests in, in source order: one, or one for each region.
    fn leaves(self) -> Nodes;

    /// The state with these leaves; `None` if there is none.
    fn of(leaves: &[NodeId]) -> Option<Self>;

    /// Whether it is a final state of the machine itself: the instance has finished.
    fn is_end(self) -> bool;

    /// What is recorded: the names of its leaves, joined by `+`.
    fn text(self) -> Cow<'static, str>;
}

/// A trigger of a machine.
pub trait MachineTrigger: Clone + Debug + Send + Sync + 'static {
    /// Which of the machine's triggers it is.
    fn id(&self) -> TriggerId;
    /// Its name as declared, without payload.
    fn name(&self) -> &'static str;

    /// The trigger with this id, if it has no payload.
    fn bare(id: TriggerId) -> Option<Self> {
        let _ = id;
        None
    }
}

/// An event of a machine: one variant for each type in its `events`.
pub trait MachineEvent<Data>: Clone + Debug + Send + Sync + 'static {
    /// An event with personal data, and its field; older versions count.
    const PERSONAL: Option<(&'static str, &'static str)> = None;

    /// The name under which it is recorded.
    fn name(&self) -> &'static str;
    /// The version in which it is recorded.
    fn version(&self) -> u32;
    /// Its payload as JSON.
    ///
    /// # Errors
    /// What `serde_json` says when the event's `Serialize` fails.
    fn payload(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error>;
    /// Builds up the data.
    fn apply(&self, data: &mut Data);
    /// Reads a recorded event of any version: mostly one event, none or many of one that is listed no more.
    ///
    /// # Errors
    /// An unknown name, a version from the future, or a payload that does not decode.
    fn decode(stored: &Stored<'_>, cx: &UpcastContext, into: &mut Vec<Self>) -> Result<(), DecodeError>;
}

/// A machine that lists `E` in its `events`.
#[diagnostic::on_unimplemented(
    message = "machine `{Self}` lists no event `{E}`",
    label = "not in `events`",
    note = "what is emitted is recorded: add the type to the block's `events {{ … }}`"
)]
pub trait Emits<E>: Machine {
    /// The machine's event.
    fn event(event: E) -> Self::Event;
}

/// An effect of a machine. Recorded as `{"name": …, "payload": …}`.
pub trait MachineEffect: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// An effect with personal data, and its field.
    const PERSONAL: Option<(&'static str, &'static str)> = None;

    /// Its name as declared, without payload.
    fn name(&self) -> &'static str;
}

/// A name that is no state of the machine.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("machine `{machine}` has no state `{name}` in which an instance can rest")]
pub struct UnknownState {
    /// The machine.
    pub machine: &'static str,
    /// The name.
    pub name: String,
}

/// The effects of a machine that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, serde::Deserialize)]
pub enum NoEffects {}

impl MachineEffect for NoEffects {
    fn name(&self) -> &'static str {
        match *self {}
    }
}

/// The events of a machine that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoEvents {}

impl<Data> MachineEvent<Data> for NoEvents {
    fn name(&self) -> &'static str {
        match *self {}
    }

    fn version(&self) -> u32 {
        match *self {}
    }

    fn payload(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
        match *self {}
    }

    fn apply(&self, _data: &mut Data) {
        match *self {}
    }

    fn decode(stored: &Stored<'_>, cx: &UpcastContext, _into: &mut Vec<Self>) -> Result<(), DecodeError> {
        Err(DecodeError::unknown_event(stored, cx))
    }
}

/// Whether what a machine records holds personal data: nothing of it is done for others.
pub(crate) const fn is_personal<M: Machine>() -> bool {
    M::Event::PERSONAL.is_some() || M::Effect::PERSONAL.is_some()
}

/// Every active node of a state.
pub fn active<M: Machine>(state: M::State) -> Configuration {
    Configuration::of(M::DEFINITION, state.leaves())
}

/// The names of leaves, joined by `+`.
pub fn text_of(definition: &Definition, leaves: &[NodeId]) -> Cow<'static, str> {
    let names: Vec<_> = leaves.iter().map(|leaf| definition.name(*leaf)).collect();
    Cow::Owned(names.join("+"))
}

/// Reads the text of a state with regions.
///
/// # Errors
/// A name that is no state of the machine, or names that are no configuration.
pub fn parse_state<S: MachineState>(definition: &Definition, text: &str) -> Result<S, UnknownState> {
    let leaves: Option<Vec<_>> = text.split('+').map(|name| definition.find(name)).collect();
    let state = leaves.and_then(|leaves| S::of(&leaves)).filter(|state: &S| state.text() == text);
    state.ok_or_else(|| UnknownState { machine: definition.machine, name: text.to_owned() })
}

/// Body of an arm whose guard never holds: patterns bind by value, and what is bound must not be moved.
pub fn never() -> ! {
    unreachable!("a guard that notes what it finds and says no has said yes")
}

/// Notes the first arm that is found. Always `false`, so that it can stand at the end of a guard.
pub fn pick(found: &std::cell::Cell<Option<ArmId>>, arm: ArmId) -> bool {
    found.set(Some(arm));
    false
}

/// Reads a state by its name.
///
/// # Errors
/// A name that is no state of the machine.
pub fn deserialize_state<'de, S: MachineState, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<S, D::Error> {
    let name = <Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
    name.parse().map_err(serde::de::Error::custom)
}

/// What can stand behind `reject`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no reason for a refusal",
    label = "expected text",
    note = "write a literal or a `String`: `reject \"why\"`, `reject format!(…)`"
)]
pub trait Reason {
    /// The text.
    fn text(self) -> Cow<'static, str>;
}

impl Reason for &'static str {
    fn text(self) -> Cow<'static, str> {
        self.into()
    }
}

impl Reason for String {
    fn text(self) -> Cow<'static, str> {
        self.into()
    }
}

impl Reason for Cow<'static, str> {
    fn text(self) -> Cow<'static, str> {
        self
    }
}

/// The reason of a `reject` arm.
pub fn reason<R: Reason>(reason: R) -> Cow<'static, str> {
    reason.text()
}

/// Applies an event to the data.
pub fn apply<E, Data: crate::event::Apply<E>>(event: &E, data: &mut Data) {
    data.apply(event);
}
