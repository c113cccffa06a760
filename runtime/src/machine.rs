//! What generated code says about a machine, for the runtime to drive it.
//!
//! These traits are implemented by `state_machine!`, not by hand; how a step is run is in `instance`.

use crate::definition::{ArmId, Definition, NodeId, TriggerId};
use crate::stepper::{Look, Stepper};
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

    /// Enters the initial configuration: its entry actions, outermost first.
    fn begin(step: &mut Stepper<'_, Self>);

    /// Selects an arm and runs its actions.
    fn decide(trigger: Self::Trigger, step: &mut Stepper<'_, Self>) -> Decision;

    /// Selects an arm and runs nothing.
    fn ask(trigger: Self::Trigger, step: &mut Look<'_, Self>) -> Decision;
}

/// What became of a trigger.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// An arm took it; its actions have been run, unless it was only asked.
    Took(ArmId),
    /// Accepted, and nothing happens: by an `ignore` arm, or with `None` by `unhandled ignore`.
    Ignored(Option<ArmId>),
    /// An arm refuses it.
    Refused(ArmId, Cow<'static, str>),
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
    /// The node that the instance rests in.
    fn leaf(self) -> NodeId;
}

/// A trigger of a machine.
pub trait MachineTrigger: Clone + Debug + Send + Sync + 'static {
    /// Which of the machine's triggers it is.
    fn id(&self) -> TriggerId;
    /// Its name as declared, without payload.
    fn name(&self) -> &'static str;
}

/// An event of a machine: one variant for each type in its `events`.
pub trait MachineEvent<Data>: Clone + Debug + Send + Sync + 'static {
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
    /// Reads a recorded event of any version.
    ///
    /// # Errors
    /// An unknown name, a version from the future, or a payload that does not decode.
    fn decode(
        stored: &crate::event::Stored<'_>,
        cx: &crate::event::UpcastContext,
    ) -> Result<Self, crate::event::DecodeError>;
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

    fn decode(
        stored: &crate::event::Stored<'_>,
        cx: &crate::event::UpcastContext,
    ) -> Result<Self, crate::event::DecodeError> {
        Err(crate::event::DecodeError::unknown_event(stored, cx))
    }
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
