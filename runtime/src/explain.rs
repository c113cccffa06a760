//! Why a trigger was, or would be, taken or refused.
//!
//! Everything here is built when somebody asks or is refused; a step that is taken pays nothing for it.

use crate::definition::{ArmDef, ArmId, Definition, NodeId, TargetDef, TriggerId};
use crate::machine::{Decision, Machine, MachineState, MachineTrigger};
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
}

/// A trigger that a state answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Permitted {
    /// Its name.
    pub trigger: Text,
    /// Whether it depends on a guard or on the payload.
    pub conditional: bool,
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
}

impl Rejection {
    /// State, trigger and arms.
    pub fn explanation(&self) -> &Explanation {
        match self {
            Self::NotHandled { explanation }
            | Self::Refused { explanation, .. }
            | Self::Finished { explanation } => explanation,
        }
    }

    /// The reason of the arm that refused.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            Self::NotHandled { .. } | Self::Finished { .. } => None,
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
        }
    }
}

/// Explains what became of `trigger` in `state`.
pub(crate) fn explain<M: Machine>(state: M::State, trigger: &Asked, decision: &Decision) -> Explanation {
    let definition = M::DEFINITION;
    let candidates = Asking { definition, asked: trigger, decision }.candidates(state.leaf());
    Explanation {
        machine: definition.machine.into(),
        state: definition.name(state.leaf()).into(),
        trigger: trigger.name.into(),
        candidates,
        permitted: permitted(definition, state.leaf()),
    }
}

/// What is kept of a trigger that was handed over to an arm, and of the arms that missed.
pub(crate) struct Asked {
    id: TriggerId,
    name: &'static str,
    pub(crate) missed: Vec<ArmId>,
}

impl Asked {
    pub(crate) fn of<T: MachineTrigger>(trigger: &T) -> Self {
        Self { id: trigger.id(), name: trigger.name(), missed: Vec::new() }
    }
}

struct Asking<'a> {
    definition: &'static Definition,
    asked: &'a Asked,
    decision: &'a Decision,
}

impl Asking<'_> {
    fn candidates(&self, leaf: NodeId) -> Vec<Candidate> {
        if is_end(self.definition, leaf) {
            return Vec::new();
        }
        let arms = self.definition.arms_of(leaf).filter(|(_, arm)| arm.triggers.contains(&self.asked.id));
        let mut answered = false;
        arms.map(|(id, arm)| {
            let verdict = if answered { Verdict::NotAsked } else { self.verdict(id, arm) };
            answered |= matches!(verdict, Verdict::Takes | Verdict::Refuses | Verdict::Ignores);
            candidate(self.definition, arm, verdict)
        })
        .collect()
    }

    fn verdict(&self, id: ArmId, arm: &ArmDef) -> Verdict {
        match self.decision {
            Decision::Took(by) if *by == id => Verdict::Takes,
            Decision::Refused(by, _) if *by == id => Verdict::Refuses,
            Decision::Ignored(Some(by)) if *by == id => Verdict::Ignores,
            _ if arm.guard.is_some() && self.asked.missed.contains(&id) => Verdict::GuardFails,
            _ => Verdict::PatternDiffers,
        }
    }
}

fn candidate(definition: &Definition, arm: &'static ArmDef, verdict: Verdict) -> Candidate {
    Candidate {
        source: arm.source.map_or(definition.machine, |id| definition.name(id)).into(),
        pattern: arm.pattern.into(),
        guard: arm.guard.map(Text::from),
        doc: arm.doc.into(),
        file: arm.location.file.into(),
        line: arm.location.line,
        verdict,
    }
}

/// What a state answers at all: every trigger with an arm that does not refuse it, in order of declaration.
pub(crate) fn permitted(definition: &'static Definition, leaf: NodeId) -> Vec<Permitted> {
    if is_end(definition, leaf) {
        return Vec::new();
    }
    let triggers = (0..).map(TriggerId).zip(definition.triggers);
    triggers
        .filter_map(|(id, def)| {
            permit(definition, leaf, id)
                .map(|conditional| Permitted { trigger: def.name.into(), conditional })
        })
        .collect()
}

/// `None`: refused or unanswered whatever the payload. Otherwise whether it depends on a guard or payload.
fn permit(definition: &'static Definition, leaf: NodeId, trigger: TriggerId) -> Option<bool> {
    let mut answers = definition.arms_of(leaf).filter(|(_, arm)| arm.triggers.contains(&trigger));
    let mut accepts = false;
    let whole = answers.find(|(_, arm)| {
        accepts |= !arm.whole && !matches!(arm.target, TargetDef::Reject(_));
        arm.whole
    });
    match whole {
        Some((_, arm)) if !matches!(arm.target, TargetDef::Reject(_)) => Some(accepts),
        _ => accepts.then_some(true),
    }
}

/// A final state of the machine itself: the instance has finished.
pub(crate) fn is_end(definition: &Definition, leaf: NodeId) -> bool {
    definition.node(leaf).is_some_and(|n| n.kind == crate::definition::NodeKind::Final && n.parent.is_none())
}
