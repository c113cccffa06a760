//! Whether a host lives and is ready, and what is wrong with it: what its own work has noticed.
//!
//! Nothing is asked to find out, so a probe costs nothing and never waits.

mod pulse;

pub(crate) use pulse::{Pulse, Watch};

use super::Host;
use crate::machine::Machine;
use crate::store::Shard;
use std::fmt;
use std::time::Duration;

/// How a host is, as of now.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The host does its work. When it does not, only starting it again helps.
    pub live: bool,
    /// Triggers that are asked have good prospects. It is live, it is not shutting down, and its store answers.
    pub ready: bool,
    /// What is wrong. A host can be ready all the same.
    pub reasons: Vec<Reason>,
}

/// Something that is wrong with a host.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// It shuts down and takes no more triggers. Not ready.
    Closing,
    /// A task of the host has ended that never should: it panicked. Not live.
    TaskEnded {
        /// Which one.
        task: &'static str,
    },
    /// The store did not answer when it was asked last. Not ready, until it answers, or until nothing was asked of it for half
    /// a minute, or its breaker lets calls through again.
    Store {
        /// For how long it has not answered.
        since: Duration,
        /// What was said last.
        error: String,
    },
    /// Leases were not renewed for longer than they last: other hosts take over this one's timers and effects. Ready.
    Leases {
        /// For how long.
        since: Duration,
    },
    /// Work on a shard panicked within the last minute. It has begun anew. Ready.
    Panicked {
        /// Timers or effects.
        duty: &'static str,
        /// The shard of the last panic.
        shard: Shard,
        /// How often it happened since the host was built.
        times: u64,
    },
    /// Timers or effects are later than [`HostBuilder::late_after`](super::HostBuilder::late_after). Ready.
    Late {
        /// Timers or effects.
        duty: &'static str,
        /// How many shards are late.
        shards: usize,
        /// How late the latest is.
        by: Duration,
    },
    /// Instances are put aside because they cannot be read. Ready: all others are served.
    Quarantined {
        /// How many.
        instances: usize,
    },
}

impl Reason {
    fn is_deadly(&self) -> bool {
        matches!(self, Self::TaskEnded { .. })
    }

    fn is_in_the_way(&self) -> bool {
        self.is_deadly() || matches!(self, Self::Closing | Self::Store { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closing => f.write_str("the host is shutting down"),
            Self::TaskEnded { task } => write!(f, "the task of the {task} has ended: start the host again"),
            Self::Store { since, error } => write!(f, "the store has not answered for {since:.1?}: {error}"),
            Self::Leases { since } => write!(f, "leases were not renewed for {since:.1?}"),
            Self::Panicked { duty, shard, times } => {
                write!(f, "work on the {duty} of shard {} panicked, {times} times in all", shard.0)
            }
            Self::Late { duty, shards, by } => write!(f, "{duty} of {shards} shards are late, by {by:.1?}"),
            Self::Quarantined { instances } => write!(f, "{instances} instances cannot be read"),
        }
    }
}

impl Health {
    fn of(reasons: Vec<Reason>) -> Self {
        let live = !reasons.iter().any(Reason::is_deadly);
        let ready = !reasons.iter().any(Reason::is_in_the_way);
        Self { live, ready, reasons }
    }
}

impl<M: Machine> Host<M> {
    /// How the host is, by what it has noticed. It asks nobody, and can be called as often as one likes.
    pub fn health(&self) -> Health {
        let inner = &self.0;
        let closing = (*inner.closing.borrow()).then_some(Reason::Closing);
        let late = inner.pulse.late(inner.options.late_after);
        let late = late.into_iter().map(|(duty, (shards, by))| Reason::Late { duty, shards, by });
        let instances = inner.quarantine.len();
        let quarantined = (instances > 0).then_some(Reason::Quarantined { instances });
        let noticed = inner.pulse.reasons(inner.options.lease);
        Health::of(closing.into_iter().chain(noticed).chain(late).chain(quarantined).collect())
    }
}
