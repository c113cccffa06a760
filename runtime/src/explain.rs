//! Why a trigger was, or would be, taken or refused.
//!
//! Everything here is built when somebody asks or is refused; a step that is taken pays nothing for it.

use crate::definition::chart::Arms;
use crate::definition::{ArmDef, ArmId, Definition, NodeId, TargetDef, TriggerId};
use crate::machine::{Decision, Machine, MachineState};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Text of the declaration, or read back from a record.
pub type Text = Cow<'static, str>;

/// What a state makes of a trigger: every arm that could answer it, in the order in which they are asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The machine.
    pub machine: Text,
    /// The state in which the trigger was asked.
    pub state: Text,
    /// The trigger's name, without payload.
    pub trigger: Text,
    /// The arms that could answer, each with its verdict.
    pub candidates: Vec<Candidate>,
    /// What this state answers at all.
    pub permitted: Vec<Permitted>,
}

/// One arm that could answer a trigger.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// The state it stands in; the machine's name for an arm of the machine itself.
    pub source: Text,
    /// The pattern as written.
    pub pattern: Text,
    /// The guard as written.
    pub guard: Option<Text>,
    /// Its doc comment; empty without one.
    pub doc: Text,
    /// The file it stands in.
    pub file: Text,
    /// The line it stands on, counted from 1.
    pub line: u32,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of an arm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It takes the trigger.
    Takes,
    /// It refuses the trigger.
    Refuses,
    /// It accepts the trigger and does nothing.
    Ignores,
    /// Its pattern does not match this trigger's payload.
    PatternDiffers,
    /// Its guard does not hold.
    GuardFails,
    /// An arm before it answered.
    NotAsked,
    /// It would answer, and gives way to the arm of another region.
    GivesWay,
}

/// A trigger that a state answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Permitted {
    /// Its name.
    pub trigger: Text,
    /// Whether it depends on a guard or on the payload.
    pub conditional: bool,
    /// The guards that it may depend on, as written, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Text>,
    /// Whether it would be accepted now, if that can be told: of a trigger without payload, when the instance is
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<bool>,
}

/// A trigger that was not accepted. Nothing has changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// No arm answers.
    NotHandled {
        /// The arms that could have.
        explanation: Box<Explanation>,
    },
    /// A `reject` arm answered.
    Refused {
        /// What it says.
        reason: Text,
        /// All arms asked.
        explanation: Box<Explanation>,
    },
    /// The instance has reached a final state of the machine.
    Finished {
        /// Where it ended.
        explanation: Box<Explanation>,
    },
    /// The step does not come to rest: more than 64 microsteps.
    Livelock {
        /// Where it began.
        explanation: Box<Explanation>,
    },
}

impl Rejection {
    /// State, trigger and arms.
    pub fn explanation(&self) -> &Explanation {
        match self {
            Self::NotHandled { explanation }
            | Self::Refused { explanation, .. }
            | Self::Finished { explanation }
            | Self::Livelock { explanation } => explanation,
        }
    }

    /// The reason of the arm that refused.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            Self::NotHandled { .. } | Self::Finished { .. } | Self::Livelock { .. } => None,
        }
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { machine, state, trigger, candidates, .. } = self.explanation();
        match self {
            Self::Refused { reason, .. } => {
                write!(f, "`{machine}` in `{state}` refuses `{trigger}`: {reason}")
            }
            Self::Finished { .. } => {
                write!(f, "`{machine}` has finished in `{state}` and takes no `{trigger}`")
            }
            Self::Livelock { .. } => write!(
                f,
                "`{machine}` in `{state}` does not come to rest: more than {} microsteps",
                crate::engine::MICROSTEPS_MAX
            ),
            Self::NotHandled { .. } => {
                write!(f, "`{machine}` in `{state}` does not handle `{trigger}`")?;
                candidates.iter().try_for_each(|arm| write!(f, "; {arm}"))
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in `{}`, asked for `{}`", self.machine, self.state, self.trigger)?;
        self.candidates.iter().try_for_each(|arm| write!(f, "\n  {arm}"))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}` of `{}` ", self.file, self.line, self.pattern, self.source)?;
        match (self.verdict, &self.guard) {
            (Verdict::GuardFails, Some(guard)) => write!(f, "did not apply: `{guard}` is false")?,
            (verdict, _) => f.write_str(verdict.phrase())?,
        }
        if self.doc.is_empty() { Ok(()) } else { write!(f, " ({})", self.doc) }
    }
}

impl Verdict {
    fn phrase(self) -> &'static str {
        match self {
            Self::Takes => "takes it",
            Self::Refuses => "refuses it",
            Self::Ignores => "ignores it",
            Self::PatternDiffers => "did not apply: the payload does not match",
            Self::GuardFails => "did not apply: its guard is false",
            Self::NotAsked => "was not asked",
            Self::GivesWay => "gives way to another region",
        }
    }
}

/// Explains what became of `trigger` in `state`.
pub(crate) fn explain<M: Machine>(state: M::State, trigger: &Asked, decision: Decision) -> Explanation {
    let definition = M::DEFINITION;
    let leaves = state.leaves();
    let candidates = Asking { definition, asked: trigger, decision }.candidates(&leaves);
    Explanation {
        machine: definition.machine.into(),
        state: state.text(),
        trigger: trigger.name.into(),
        candidates,
        permitted: permitted(definition, &leaves),
    }
}

/// What is kept of a trigger that was handed over to an arm, and of the arms that were asked.
pub(crate) struct Asked {
    id: Option<TriggerId>,
    name: &'static str,
    pub(crate) missed: Vec<ArmId>,
    /// The arms taken together, where there are regions.
    pub(crate) taken: Arms,
    /// The arms that the regions selected.
    pub(crate) selected: Arms,
    /// What the arm that refused says.
    pub(crate) reason: Text,
}

impl Asked {
    pub(crate) fn of<M: Machine>(id: TriggerId) -> Self {
        Self { id: Some(id), name: M::DEFINITION.trigger(id).map_or("", |def| def.name), ..Self::nothing() }
    }

    /// A step that no trigger began.
    pub(crate) fn nothing() -> Self {
        Self {
            id: None,
            name: "",
            missed: Vec::new(),
            taken: Arms::new(),
            selected: Arms::new(),
            reason: Text::Borrowed(""),
        }
    }
}

struct Asking<'a> {
    definition: &'static Definition,
    asked: &'a Asked,
    decision: Decision,
}

impl Asking<'_> {
    /// Every arm once, in the order in which the leaves ask.
    fn candidates(&self, leaves: &[NodeId]) -> Vec<Candidate> {
        let mut found: Vec<(ArmId, Verdict)> = Vec::new();
        for leaf in leaves.iter().filter(|leaf| !self.definition.is_end(**leaf)) {
            let mut answered = false;
            for (id, arm) in self.definition.arms_of(*leaf) {
                if !self.asked.id.is_some_and(|trigger| arm.triggers().contains(&trigger)) {
                    continue;
                }
                let verdict = if answered { Verdict::NotAsked } else { self.verdict(id, arm) };
                answered |=
                    !matches!(verdict, Verdict::NotAsked | Verdict::GuardFails | Verdict::PatternDiffers);
                match found.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, known)) if *known == Verdict::NotAsked => *known = verdict,
                    Some(_) => {}
                    None => found.push((id, verdict)),
                }
            }
        }
        let arms = found.into_iter().filter_map(|(id, verdict)| Some((self.definition.arm(id)?, verdict)));
        arms.map(|(arm, verdict)| candidate(self.definition, arm, verdict)).collect()
    }

    fn verdict(&self, id: ArmId, arm: &ArmDef<'_>) -> Verdict {
        match self.decision {
            Decision::Took(taken) if taken == id || self.asked.taken.contains(&id) => Verdict::Takes,
            Decision::Ignored(Some(ignoring)) if ignoring == id => Verdict::Ignores,
            Decision::Refused(refusing) if refusing == id => Verdict::Refuses,
            _ if self.asked.missed.contains(&id) => Verdict::GuardFails,
            _ if self.asked.selected.contains(&id) && arm.target == TargetDef::Ignore => Verdict::Ignores,
            _ if self.asked.selected.contains(&id) => Verdict::GivesWay,
            _ if arm.whole => Verdict::NotAsked,
            _ => Verdict::PatternDiffers,
        }
    }
}

fn candidate(definition: &'static Definition, arm: &'static ArmDef<'static>, verdict: Verdict) -> Candidate {
    let pattern = match arm.on {
        crate::definition::On::Trigger { pattern, .. } => pattern,
        _ => "",
    };
    Candidate {
        source: arm.source.map_or(definition.machine, |id| definition.name(id)).into(),
        pattern: pattern.into(),
        guard: arm.guard.map(Text::from),
        doc: arm.doc.into(),
        file: arm.location.file.into(),
        line: arm.location.line,
        verdict,
    }
}

/// What a state answers at all: every trigger with an arm that does not refuse it, in order of declaration.
pub(crate) fn permitted(definition: &'static Definition, leaves: &[NodeId]) -> Vec<Permitted> {
    if leaves.iter().any(|leaf| definition.is_end(*leaf)) {
        return Vec::new();
    }
    let triggers = (0..).map(TriggerId).zip(definition.triggers).filter(|(_, def)| !def.internal);
    let permit = |(id, def): (TriggerId, &'static crate::definition::TriggerDef<'static>)| {
        let mut ways = leaves.iter().filter_map(|leaf| permit(definition, *leaf, id)).peekable();
        ways.peek()?;
        let ways: Vec<Way> = ways.collect();
        let guards = ways.iter().flat_map(|way| &way.guards).copied().map(Text::from).collect();
        // One region that answers for certain is enough.
        let conditional = ways.iter().all(|way| way.conditional);
        Some(Permitted { trigger: def.name.into(), conditional, guards, forecast: None })
    };
    triggers.filter_map(permit).collect()
}

/// How a leaf answers a trigger.
struct Way {
    conditional: bool,
    guards: Vec<&'static str>,
}

/// `None`: refused or unanswered whatever the payload.
fn permit(definition: &'static Definition, leaf: NodeId, trigger: TriggerId) -> Option<Way> {
    let mut answers = definition.arms_of(leaf).filter(|(_, arm)| arm.triggers().contains(&trigger));
    let (mut accepts, mut guards) = (false, Vec::new());
    let whole = answers.find(|(_, arm)| {
        accepts |= !arm.whole && !matches!(arm.target, TargetDef::Reject(_));
        guards.extend(arm.guard);
        arm.whole
    });
    match whole {
        Some((_, arm)) if !matches!(arm.target, TargetDef::Reject(_)) => {
            Some(Way { conditional: accepts, guards })
        }
        _ => accepts.then_some(Way { conditional: true, guards }),
    }
}
