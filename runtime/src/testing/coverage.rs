//! Which arms were taken in a test, and which guards were seen to hold and not to hold.

use crate::definition::{ArmDef, ArmId, Definition};
use crate::explain::{Candidate, Rejection, Verdict};
use crate::instance::Step;
use crate::machine::Machine;
use std::collections::BTreeMap;
use std::fmt;

/// Counts what steps and rejections tell about a machine's arms.
#[derive(Clone, Debug)]
pub struct Coverage {
    definition: &'static Definition,
    arms: BTreeMap<ArmId, Count>,
}

/// What was seen of one arm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Count {
    /// It answered: its guard held.
    answered: u64,
    /// Its guard did not hold.
    missed: u64,
}

impl Coverage {
    /// Nothing is covered yet.
    pub fn of<M: Machine>() -> Self {
        Self { definition: M::DEFINITION, arms: BTreeMap::new() }
    }

    /// Notes what came of a trigger or a timer.
    pub fn note<M: Machine>(&mut self, outcome: &Result<Step<M>, Rejection>) {
        match outcome {
            Ok(step) => {
                step.arms.iter().for_each(|arm| self.count(*arm).answered += 1);
                step.missed.iter().for_each(|arm| self.count(*arm).missed += 1);
            }
            Err(rejection) => self.note_rejection(rejection),
        }
    }

    fn note_rejection(&mut self, rejection: &Rejection) {
        for candidate in &rejection.explanation().candidates {
            let Some(id) = self.arm_of(candidate) else { continue };
            match candidate.verdict {
                Verdict::Refuses => self.count(id).answered += 1,
                Verdict::GuardFails => self.count(id).missed += 1,
                _ => {}
            }
        }
    }

    /// A line may hold many arms, in a block that was generated even all of them.
    fn arm_of(&self, candidate: &Candidate) -> Option<ArmId> {
        let mut arms = self.definition.all_arms();
        let found = arms.find(|(_, arm)| {
            arm.location.line == candidate.line
                && self.source(arm) == candidate.source
                && arm.guard == candidate.guard.as_deref()
                && arm.on.to_string() == candidate.pattern
        });
        found.map(|(id, _)| id)
    }

    fn source(&self, arm: &ArmDef<'_>) -> &'static str {
        arm.source.map_or(self.definition.machine, |id| self.definition.name(id))
    }

    fn count(&mut self, arm: ArmId) -> &mut Count {
        self.arms.entry(arm).or_default()
    }

    /// Arms that never answered, and guards that never did or never failed to hold: a line each, with its place.
    /// `ignore` arms are not counted, since nothing tells of them.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for (id, arm) in self.definition.all_arms() {
            if arm.target == crate::definition::TargetDef::Ignore {
                continue;
            }
            let seen = self.arms.get(&id).copied().unwrap_or_default();
            let source = self.source(arm);
            let at = format!("{}:{}: `{}` of `{source}`", arm.location.file, arm.location.line, arm.label());
            if seen.answered == 0 {
                gaps.push(format!("{at} was never taken"));
            }
            if arm.guard.is_some() && seen.missed == 0 {
                gaps.push(format!("{at}: the guard always held"));
            }
        }
        gaps
    }

    /// Nothing is left.
    ///
    /// # Panics
    /// When something is, with a list of it.
    #[track_caller]
    pub fn assert_complete(&self) {
        let gaps = self.gaps();
        assert!(gaps.is_empty(), "not covered:\n{}", gaps.join("\n"));
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.arms.values().filter(|count| count.answered > 0).count();
        write!(f, "{taken} of {} arms of `{}` taken", self.definition.arms.len(), self.definition.machine)?;
        self.gaps().iter().try_for_each(|gap| write!(f, "\n  {gap}"))
    }
}
