//! What a check finds of one instance.

use crate::store::{Revision, StreamId};
use serde::Serialize;
use std::fmt;

/// What was found of one instance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Which instance.
    pub stream: StreamId,
    /// The record at fault; where all is the same, the last one.
    pub revision: Revision,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How a recorded instance stands to the code of today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It loads, and every step would be decided as it was, as far as can be told.
    Same,
    /// A step would lead elsewhere today, or emit other events.
    OtherTarget {
        /// What was asked.
        trigger: String,
        /// In which state.
        from: String,
        /// What the record says.
        recorded: Decided,
        /// What would come of it today.
        today: Today,
    },
    /// A trigger that was accepted would be rejected today.
    NotAccepted {
        /// What was asked.
        trigger: String,
        /// In which state.
        from: String,
        /// Why it would be.
        why: String,
    },
    /// A record cannot be read.
    Undecodable {
        /// The error, cause by cause.
        why: String,
    },
    /// A record names a state that the machine does not have.
    StateGone {
        /// The state.
        state: String,
        /// The error.
        why: String,
    },
}

/// What a step came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Decided {
    /// The state entered.
    pub to: String,
    /// Names of the events, in order.
    pub events: Vec<String>,
}

/// What a step that was recorded otherwise comes to today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Today {
    /// It was decided again.
    Decided(Decided),
    /// The states that it can lead to.
    Possible(Vec<String>),
    /// Nothing: the trigger is ignored.
    Ignored,
    /// The machine's code panicked.
    Panicked,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, revision, verdict } = self;
        write!(f, "`{stream}`, record {revision}: {verdict}")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("the same"),
            Self::OtherTarget { trigger, from, recorded, today } => {
                write!(f, "{} in `{from}` led to {recorded}, today {today}", Asked(trigger))
            }
            Self::NotAccepted { trigger, from, why } => {
                write!(f, "{} in `{from}` is not accepted any more: {why}", Asked(trigger))
            }
            Self::Undecodable { why } | Self::StateGone { why, .. } => f.write_str(why),
        }
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.to)?;
        if self.events.is_empty() { Ok(()) } else { write!(f, " with {}", self.events.join(", ")) }
    }
}

impl fmt::Display for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(decided) => write!(f, "to {decided}"),
            Self::Possible(states) => write!(f, "to `{}`", states.join("` or `")),
            Self::Ignored => f.write_str("it is ignored"),
            Self::Panicked => f.write_str("the machine's code panics"),
        }
    }
}

/// A trigger by its name; a beginning has none.
struct Asked<'a>(&'a str);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("the beginning") } else { write!(f, "`{}`", self.0) }
    }
}
