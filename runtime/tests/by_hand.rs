//! What `state_machine!` emits, written by hand for a small machine: the runtime's side of the contract, tested
//! without the compiler.
//!
//! ```text
//! pub machine Door {
//!     data Log;
//!     triggers { Open { by: String }, Close, Lock { code: u32 }, Kick }
//!     events { Opened }
//!     effects { Ring { times: u32 } }
//!     initial Shut;
//!     on Kick => reject "do not kick the door";
//!     state Shut {
//!         initial Unlocked;
//!         exit do Ring { times: 1 };
//!         on Open { by } if !by.is_empty() => Ajar emit Opened { by };
//!         state Unlocked { on Lock { code } if code == data.code => Locked; }
//!         state Locked { ignore Close; }
//!     }
//!     state Ajar { on Close => Shut; }
//!     final Gone;
//! }
//! ```

#![allow(missing_docs, clippy::needless_pass_by_value, reason = "written as the compiler writes it")]

use serde::{Deserialize, Serialize};
use statewright::__private as sw;
use statewright::event::{Apply, DecodeError, EventData, EventVersion, Schema, Stored, UpcastContext};
use statewright::testing::given;
use std::borrow::Cow;
use std::fmt;
use sw::{ActionDef, ArmId, Decision, Location, NodeId, NodeKind, Pass, TargetDef, TriggerId};

#[derive(Default, Serialize, Deserialize)]
pub struct Log {
    code: u32,
    by: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    by: String,
}

impl Apply<Opened> for Log {
    fn apply(&mut self, event: &Opened) {
        self.by.push(event.by.clone());
    }
}

impl EventData for Opened {
    const SCHEMA: Schema = Schema::Struct(&[sw::Field::new::<String>("by")]);
}

impl EventVersion for Opened {
    const NAME: &'static str = "door.opened";
    const VERSION: u32 = 1;
    const OLDEST: u32 = 1;
    const SCHEMA_TEXT: &'static str = "{by: string}";
    fn decode(stored: &Stored<'_>, cx: &UpcastContext) -> Result<Self, DecodeError> {
        sw::decode_oldest(stored, cx, &[])
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Door;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DoorState {
    Unlocked,
    Locked,
    Ajar,
    Gone,
}

#[derive(Clone, Debug)]
pub enum DoorTrigger {
    Open { by: String },
    Close,
    Lock { code: u32 },
    Kick,
}

#[derive(Clone, Debug)]
pub enum DoorEvent {
    Opened(Opened),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "name", content = "payload")]
pub enum DoorEffect {
    Ring { times: u32 },
}

impl From<Opened> for DoorEvent {
    fn from(event: Opened) -> Self {
        Self::Opened(event)
    }
}

impl sw::Emits<Opened> for Door {
    fn event(event: Opened) -> DoorEvent {
        DoorEvent::Opened(event)
    }
}

impl sw::MachineState for DoorState {
    fn leaves(self) -> sw::Nodes {
        sw::Nodes::from_slice(&[NodeId([1, 2, 3, 4][self as usize])])
    }
    fn of(leaves: &[NodeId]) -> Option<Self> {
        match leaves {
            [NodeId(1)] => Some(Self::Unlocked),
            [NodeId(2)] => Some(Self::Locked),
            [NodeId(3)] => Some(Self::Ajar),
            [NodeId(4)] => Some(Self::Gone),
            _ => None,
        }
    }
    fn is_end(self) -> bool {
        self == Self::Gone
    }
    fn text(self) -> Cow<'static, str> {
        Cow::Owned(self.to_string())
    }
}

impl fmt::Display for DoorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::str::FromStr for DoorState {
    type Err = sw::UnknownState;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "Unlocked" => Self::Unlocked,
            "Locked" => Self::Locked,
            "Ajar" => Self::Ajar,
            "Gone" => Self::Gone,
            _ => return Err(sw::UnknownState { machine: "Door", name: name.to_owned() }),
        })
    }
}

impl Serialize for DoorState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DoorState {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        sw::deserialize_state(deserializer)
    }
}

impl sw::MachineTrigger for DoorTrigger {
    fn id(&self) -> TriggerId {
        TriggerId(match self {
            Self::Open { .. } => 0,
            Self::Close => 1,
            Self::Lock { .. } => 2,
            Self::Kick => 3,
        })
    }
    fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "Open",
            Self::Close => "Close",
            Self::Lock { .. } => "Lock",
            Self::Kick => "Kick",
        }
    }
}

impl sw::MachineEvent<Log> for DoorEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => Opened::NAME,
        }
    }
    fn version(&self) -> u32 {
        match self {
            Self::Opened(_) => Opened::VERSION,
        }
    }
    fn payload(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
        match self {
            Self::Opened(event) => serde_json::value::to_raw_value(event),
        }
    }
    fn apply(&self, data: &mut Log) {
        match self {
            Self::Opened(event) => data.apply(event),
        }
    }
    fn decode(stored: &Stored<'_>, cx: &UpcastContext, into: &mut Vec<Self>) -> Result<(), DecodeError> {
        if stored.name == Opened::NAME {
            into.push(Self::Opened(Opened::decode(stored, cx)?));
            return Ok(());
        }
        Err(DecodeError::unknown_event(stored, cx))
    }
}

impl sw::MachineEffect for DoorEffect {
    fn name(&self) -> &'static str {
        match self {
            Self::Ring { .. } => "Ring",
        }
    }
}

fn unlocked<P: Pass<Door>>(trigger: DoorTrigger, step: &mut P) -> Decision {
    let (data, state, cx) = step.scope();
    let _ = (data, state, cx);
    match trigger {
        DoorTrigger::Lock { code } if code == data.code || step.missed(ArmId(2)) => {
            if P::ACTS {
                step.enter(DoorState::Locked);
            }
            Decision::Took(ArmId(2))
        }
        DoorTrigger::Open { by } if !by.is_empty() || step.missed(ArmId(1)) => {
            if P::ACTS {
                exit_shut(step);
                step.emit({
                    let (data, state, cx) = step.scope();
                    let _ = (data, state, cx);
                    Opened { by }
                });
                step.enter(DoorState::Ajar);
            }
            Decision::Took(ArmId(1))
        }
        DoorTrigger::Kick => {
            step.refuse("do not kick the door".into());
            Decision::Refused(ArmId(0))
        }
        _ => Decision::NotHandled,
    }
}

fn locked<P: Pass<Door>>(trigger: DoorTrigger, step: &mut P) -> Decision {
    match trigger {
        DoorTrigger::Close => Decision::Ignored(Some(ArmId(3))),
        DoorTrigger::Open { by } if !by.is_empty() || step.missed(ArmId(1)) => {
            if P::ACTS {
                exit_shut(step);
                step.emit(Opened { by });
                step.enter(DoorState::Ajar);
            }
            Decision::Took(ArmId(1))
        }
        DoorTrigger::Kick => {
            step.refuse("do not kick the door".into());
            Decision::Refused(ArmId(0))
        }
        _ => Decision::NotHandled,
    }
}

fn ajar<P: Pass<Door>>(trigger: DoorTrigger, step: &mut P) -> Decision {
    match trigger {
        DoorTrigger::Close => {
            if P::ACTS {
                step.enter(DoorState::Unlocked);
            }
            Decision::Took(ArmId(4))
        }
        DoorTrigger::Kick => {
            step.refuse("do not kick the door".into());
            Decision::Refused(ArmId(0))
        }
        _ => Decision::NotHandled,
    }
}

fn exit_shut<P: Pass<Door>>(step: &mut P) {
    step.act(DoorEffect::Ring { times: 1 });
}

impl sw::Machine for Door {
    const DEFINITION: &'static sw::Definition = &DEFINITION;
    const INITIAL: DoorState = DoorState::Unlocked;
    type State = DoorState;
    type Trigger = DoorTrigger;
    type Event = DoorEvent;
    type Effect = DoorEffect;
    type Data = Log;

    fn decide<P: Pass<Self>>(trigger: DoorTrigger, step: &mut P) -> Decision {
        match step.state() {
            DoorState::Unlocked => unlocked(trigger, step),
            DoorState::Locked => locked(trigger, step),
            DoorState::Ajar => ajar(trigger, step),
            DoorState::Gone => Decision::NotHandled,
        }
    }
}

const fn node(
    name: &'static str,
    kind: NodeKind,
    parent: Option<NodeId>,
    own: (u16, &'static [ArmId]),
) -> sw::NodeDef<'static> {
    let (last, arms) = (NodeId(own.0), own.1);
    let location = Location { file: file!(), line: 1 };
    sw::NodeDef { name, kind, parent, last, initial: &[], arms, entry: &[], exit: &[], doc: "", location }
}

const fn arm(
    source: Option<NodeId>,
    on: (&'static str, &'static [TriggerId]),
    target: TargetDef<'static>,
) -> sw::ArmDef<'static> {
    let on = sw::On::Trigger { pattern: on.0, triggers: on.1 };
    let location = Location { file: "by_hand.rs", line: 7 };
    sw::ArmDef { source, on, guard: None, whole: true, target, actions: &[], doc: "", location }
}

static DEFINITION: sw::Definition = sw::Definition {
    machine: "Door",
    version: 1,
    doc: "",
    data: sw::DataDef { type_name: "Log", version: 1 },
    initial: NodeId(0),
    unhandled: sw::Unhandled::Reject,
    nodes: &[
        sw::NodeDef {
            initial: &[NodeId(1)],
            exit: &[ActionDef::Do("Ring { times: 1 }")],
            ..node("Shut", NodeKind::Compound, None, (2, &[ArmId(1)]))
        },
        node("Unlocked", NodeKind::Atomic, Some(NodeId(0)), (1, &[ArmId(2)])),
        node("Locked", NodeKind::Atomic, Some(NodeId(0)), (2, &[ArmId(3)])),
        node("Ajar", NodeKind::Atomic, None, (3, &[ArmId(4)])),
        node("Gone", NodeKind::Final, None, (4, &[])),
    ],
    triggers: &[
        sw::TriggerDef { name: "Open", doc: "", internal: false },
        sw::TriggerDef { name: "Close", doc: "", internal: false },
        sw::TriggerDef { name: "Lock", doc: "", internal: false },
        sw::TriggerDef { name: "Kick", doc: "", internal: false },
    ],
    events: &[sw::EventDef { name: Opened::NAME, version: Opened::VERSION }],
    effects: &[sw::EffectDef { name: "Ring", doc: "", unordered: false }],
    arms: &[
        arm(None, ("Kick", &[TriggerId(3)]), TargetDef::Reject("\"do not kick the door\"")),
        sw::ArmDef {
            guard: Some("!by.is_empty()"),
            whole: false,
            doc: "Only for somebody.",
            ..arm(Some(NodeId(0)), ("Open { by }", &[TriggerId(0)]), TargetDef::To(&[NodeId(3)]))
        },
        sw::ArmDef {
            guard: Some("code == data.code"),
            whole: false,
            ..arm(Some(NodeId(1)), ("Lock { code }", &[TriggerId(2)]), TargetDef::To(&[NodeId(2)]))
        },
        arm(Some(NodeId(2)), ("Close", &[TriggerId(1)]), TargetDef::Ignore),
        arm(Some(NodeId(3)), ("Close", &[TriggerId(1)]), TargetDef::To(&[NodeId(0)])),
    ],
    own: &[ArmId(0)],
    limits: &[],
    migrations: &[],
    retired: &[],
    proofs: &[],
};

fn open(by: &str) -> DoorTrigger {
    DoorTrigger::Open { by: by.to_owned() }
}

#[test]
fn an_inherited_arm_leaves_through_its_compound() {
    given::<Door>()
        .when(open("ann"))
        .then_state(DoorState::Ajar)
        .then_event(Opened { by: "ann".to_owned() })
        .then_effect(DoorEffect::Ring { times: 1 })
        .then_no_more()
        .and_when(DoorTrigger::Close)
        .then_state(DoorState::Unlocked)
        .then_data(|log| assert_eq!(log.by, ["ann"]));
}

#[test]
fn a_rejection_names_the_guard_and_where_it_stands() {
    let mut door = given::<Door>().state(DoorState::Locked).instance();
    let rejection = door.fire(open("")).expect_err("nobody opens");
    assert_eq!(
        rejection.to_string(),
        "`Door` in `Locked` does not handle `Open`; by_hand.rs:7: `Open { by }` of `Shut` did not apply: \
         `!by.is_empty()` is false (Only for somebody.)"
    );
    assert_eq!(door.state(), DoorState::Locked);
    let text = serde_json::to_string(&rejection).expect("a rejection is recorded as JSON");
    assert_eq!(serde_json::from_str::<statewright::Rejection>(&text).expect("and read back"), rejection);
}

#[test]
fn asking_changes_nothing() {
    let door = given::<Door>().instance();
    assert!(door.can_fire(&open("ann")) && !door.can_fire(&open("")) && !door.can_fire(&DoorTrigger::Kick));
    let permitted: Vec<_> = door.permitted().into_iter().map(|p| (p.trigger, p.conditional)).collect();
    assert_eq!(permitted, [("Open".into(), true), ("Lock".into(), true)]);
    assert!(!door.has_begun());
    assert!(door.explain(&open("ann")).to_string().contains("takes it"));
}

#[test]
fn what_is_ignored_is_accepted_and_leaves_nothing() {
    given::<Door>().state(DoorState::Locked).when(DoorTrigger::Close).then_ignored().then_no_more();
    given::<Door>().when(DoorTrigger::Kick).then_refused("do not kick the door");
    given::<Door>().when(DoorTrigger::Close).then_not_handled();
    given::<Door>().state(DoorState::Gone).when(DoorTrigger::Kick).then_finished();
}
