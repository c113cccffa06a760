//! What changed between two versions of a machine, and what that means for what the older one has recorded.
//!
//! What a change means is decided by what a load does with old records; the table of cases is `docs/evolution.md`.
//! States, arms and the rest are matched by name: a state that has gone and stands in the new version's `migrate` has
//! become another. Arms of a state that is new or gone come and go with it and are not listed apart. Doc comments and
//! places in the source are not compared. Nothing here reads a record, and nothing looks behind a name: neither
//! bodies of functions nor fields of triggers, events and effects are known to a [`Definition`].

mod arms;
mod matching;
mod names;
mod pair;
mod settings;
mod states;
#[cfg(test)]
mod tests;
mod timers;
mod wording;

use crate::Definition;
use pair::Pair;
use std::fmt;

/// What changed between two versions of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct Diff {
    /// The worst first. Among equals: the machine itself, its states, arms and timers state by state, triggers, events,
    /// effects, limits, migrations and claims; each in the old version's source order, then what is new in the new
    /// one's.
    pub changes: Vec<Change>,
}

/// One thing that was added, removed or changed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct Change {
    /// What it means for what is recorded.
    pub severity: Severity,
    /// The thing.
    pub subject: Subject,
    /// What happened to it.
    pub what: What,
    /// Its name in the old version, or in the new one if it was added. An arm's is what it answers, a timer's that
    /// under which it is recorded.
    pub name: String,
    /// The state that an arm or a timer stands in; `None` for those of the machine, and for all other things.
    pub source: Option<String>,
    /// What it was, as far as its name does not say it.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
}

/// What a change means for what is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Severity {
    /// What runs and what is recorded goes on as before.
    Safe,
    /// Recorded instances load, and will behave differently from now on.
    Care,
    /// Something recorded cannot be read, or is read as something else, or something that waits cannot be served.
    Breaking,
}

/// What a change is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Subject {
    /// The machine's name.
    Machine,
    /// `version` of the machine.
    Version,
    /// The type of the data.
    Data,
    /// `version` of the data.
    DataVersion,
    /// Where an instance begins.
    Initial,
    /// What happens to a trigger that no arm answers.
    Unhandled,
    /// A node of any kind.
    State,
    /// An arm that is no timer.
    Arm,
    /// An `after` or `every` arm.
    Timer,
    /// A trigger.
    Trigger,
    /// An event.
    Event,
    /// An effect.
    Effect,
    /// A `limit`.
    Limit,
    /// A line of `migrate` about a name that is older than both versions.
    Migration,
    /// A claim of `prove`.
    Claim,
}

/// What happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// `migrate` says that it is another state now.
    Became,
    /// It was one thing and is another: a version, a type, an arm's pattern, span, guard, target or actions.
    Changed,
    /// A state is of another kind.
    Kind,
    /// A state stands in another one; a timer has another place among those of its state.
    Moved,
    /// Regions, or arms that answer the same, stand in another order.
    Reordered,
    /// A state begins elsewhere, or a history has another default.
    Initial,
    /// What is done when a state is entered.
    Entry,
    /// What is done when a state is left.
    Exit,
}

impl Definition<'_> {
    /// What changed from this version of a machine to a newer one.
    pub fn diff(&self, new: &Definition<'_>) -> Diff {
        let pair = Pair::new(self, new);
        let mut changes = settings::compare(&pair);
        changes.extend(states::compare(&pair));
        changes.extend(arms::compare(&pair));
        changes.extend(names::compare(&pair));
        changes.sort_by_key(|change| std::cmp::Reverse(change.severity));
        Diff { changes }
    }
}

impl Diff {
    /// The worst of what the changes mean; `None` without a change.
    pub fn worst(&self) -> Option<Severity> {
        self.changes.iter().map(|change| change.severity).max()
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// All of it as JSON; its shape is `diff.schema.json` in this crate.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }
}

impl Change {
    fn new(severity: Severity, subject: Subject, what: What, name: impl Into<String>) -> Self {
        Self { severity, subject, what, name: name.into(), source: None, old: None, new: None }
    }

    fn in_state(self, source: Option<&str>) -> Self {
        Self { source: source.map(str::to_owned), ..self }
    }

    fn was(self, old: impl Into<String>) -> Self {
        Self { old: Some(old.into()), ..self }
    }

    fn is(self, new: impl Into<String>) -> Self {
        Self { new: Some(new.into()), ..self }
    }
}

/// A line for each change, what it means at its beginning.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing has changed");
        }
        for (place, change) in self.changes.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{:<8}  {change}", change.severity)?;
        }
        Ok(())
    }
}

/// On one line: what happened, and what to do unless it is safe.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wording::sentence(self))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Safe => "safe",
            Self::Care => "care",
            Self::Breaking => "breaking",
        })
    }
}
