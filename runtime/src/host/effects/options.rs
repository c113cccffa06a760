//! How the effects of one name are done: in which time, how many at once, how often, and whether at all just now.

use crate::breaker::Breaker;
use crate::error::BuildError;
use crate::machine::Machine;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What holds for the effects of one name; see [`HostBuilder::effect`](crate::host::HostBuilder::effect). What is not said is
/// as for all others.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a builder has them"]
pub struct EffectOptions {
    timeout: Option<Duration>,
    attempts: Option<u32>,
    running_max: Option<usize>,
    breaker: Option<Breaker>,
}

impl EffectOptions {
    /// As for all others.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the handler may take, in place of [`effect_timeout`](crate::host::HostBuilder::effect_timeout).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// How often it is tried, in place of [`effect_attempts`](crate::host::HostBuilder::effect_attempts).
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Handlers of it that run at once in this host, besides [`effects_max`](crate::host::HostBuilder::effects_max) for
    /// all. One that finds no place within a second waits on the shelf, as if it had failed, and no try is counted.
    pub fn running_max(mut self, handlers: usize) -> Self {
        self.running_max = Some(handlers);
        self
    }

    /// A breaker that its handlers go through, perhaps shared with other effects. While it is open what is to be done waits
    /// on the shelf, and no try is counted. Failures that may pass count against it, those that are fatal do not.
    pub fn breaker(mut self, breaker: &Breaker) -> Self {
        self.breaker = Some(breaker.clone());
        self
    }
}

/// The options as the errands use them.
#[derive(Debug)]
pub(in crate::host) struct Ways {
    common: Way,
    own: BTreeMap<Box<str>, Way>,
}

/// How the effects of one name are done.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) turns: Option<Arc<Semaphore>>,
    pub(super) breaker: Option<Breaker>,
}

impl Ways {
    /// What holds for all, and for some.
    ///
    /// # Errors
    /// The machine has no such effect, or a bound is zero.
    pub(in crate::host) fn new<M: Machine>(
        common: (Duration, u32),
        own: Vec<(Box<str>, EffectOptions)>,
    ) -> Result<Self, BuildError> {
        let common = Way { timeout: common.0, attempts: common.1, turns: None, breaker: None };
        let mut ways = BTreeMap::new();
        for (effect, options) in own {
            if !M::DEFINITION.effects.iter().any(|def| *def.name == *effect) {
                let effect = effect.into();
                return Err(BuildError::UnknownEffect { machine: M::DEFINITION.machine, effect });
            }
            ways.insert(effect, common.with(options)?);
        }
        Ok(Self { common, own: ways })
    }

    pub(super) fn of(&self, effect: &str) -> &Way {
        self.own.get(effect).unwrap_or(&self.common)
    }
}

impl Way {
    fn with(&self, options: EffectOptions) -> Result<Self, BuildError> {
        let EffectOptions { timeout, attempts, running_max, breaker } = options;
        let zero = [
            ("timeout", timeout.is_some_and(|time| time.is_zero())),
            ("attempts", attempts == Some(0)),
            ("running_max", running_max == Some(0)),
        ];
        if let Some((option, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(BuildError::Zero { option });
        }
        let turns = running_max.map(|max| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))));
        let (timeout, attempts) = (timeout.unwrap_or(self.timeout), attempts.unwrap_or(self.attempts));
        Ok(Self { timeout, attempts, turns, breaker })
    }
}
