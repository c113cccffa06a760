//! What a breaker knows, and what each call and the time make of it. Pure: no lock, no clock, no hook.

use super::{BreakerOptions, BreakerState, BreakerStats, Outcome};
use std::collections::VecDeque;
use std::time::Duration;

/// When to ask again while all probes are out; a probe may be answered at any moment.
const PROBED_MAX: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Circuit {
    phase: Phase,
    since: Duration,
    /// Raised by each change of phase: what began in an earlier one says nothing about this one.
    epoch: u64,
    /// When the last calls failed; at most as many as open it.
    failures: VecDeque<Duration>,
    running: u64,
    succeeded: u64,
    failed: u64,
    abandoned: u64,
    refused: u64,
    opened: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open,
    /// Probes that run, and that have succeeded.
    HalfOpen {
        running: u32,
        succeeded: u32,
    },
}

impl Circuit {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            phase: Phase::Closed,
            since: now,
            epoch: 0,
            failures: VecDeque::new(),
            running: 0,
            succeeded: 0,
            failed: 0,
            abandoned: 0,
            refused: 0,
            opened: 0,
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// An open circuit whose pause is over is half-open.
    pub(super) fn wait_over(&mut self, options: &BreakerOptions, now: Duration) {
        if matches!(self.phase, Phase::Open) && now.saturating_sub(self.since) >= options.pause {
            self.turn(Phase::HalfOpen { running: 0, succeeded: 0 }, now);
        }
    }

    /// The epoch that the call belongs to, or when to ask again.
    pub(super) fn enter(&mut self, options: &BreakerOptions, now: Duration) -> Result<u64, Duration> {
        match &mut self.phase {
            Phase::Closed => {}
            Phase::HalfOpen { running, succeeded } if *running + *succeeded < options.probes => *running += 1,
            Phase::HalfOpen { .. } => {
                self.refused += 1;
                return Err(PROBED_MAX.min(options.pause));
            }
            Phase::Open => {
                self.refused += 1;
                return Err(options.pause.saturating_sub(now.saturating_sub(self.since)));
            }
        }
        self.running += 1;
        Ok(self.epoch)
    }

    pub(super) fn settle(&mut self, call: (u64, Outcome), options: &BreakerOptions, now: Duration) {
        let (epoch, outcome) = call;
        self.running = self.running.saturating_sub(1);
        match outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Abandoned => self.abandoned += 1,
        }
        if epoch != self.epoch {
            return;
        }
        match &mut self.phase {
            Phase::Closed if outcome == Outcome::Failed => self.count_failure(options, now),
            Phase::HalfOpen { running, succeeded } => {
                *running = running.saturating_sub(1);
                *succeeded += u32::from(outcome == Outcome::Succeeded);
                let closes = *succeeded >= options.probes;
                if outcome == Outcome::Failed {
                    self.open(now);
                } else if closes {
                    self.turn(Phase::Closed, now);
                }
            }
            Phase::Closed | Phase::Open => {}
        }
    }

    fn count_failure(&mut self, options: &BreakerOptions, now: Duration) {
        self.forget(options, now);
        self.failures.push_back(now);
        if self.failures.len() >= options.failures as usize {
            self.open(now);
        }
    }

    /// Drops failures that do not count any more.
    fn forget(&mut self, options: &BreakerOptions, now: Duration) {
        let counts = |at: &Duration| now.saturating_sub(*at) < options.window;
        while self.failures.front().is_some_and(|at| !counts(at)) {
            self.failures.pop_front();
        }
    }

    fn open(&mut self, now: Duration) {
        self.opened += 1;
        self.turn(Phase::Open, now);
    }

    fn turn(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.since = now;
        self.epoch += 1;
        self.failures.clear();
    }

    pub(super) fn stats(&mut self, options: &BreakerOptions, now: Duration) -> BreakerStats {
        self.forget(options, now);
        BreakerStats {
            state: self.state(),
            since: self.since,
            failures: u32::try_from(self.failures.len()).unwrap_or(u32::MAX),
            running: self.running,
            succeeded: self.succeeded,
            failed: self.failed,
            abandoned: self.abandoned,
            refused: self.refused,
            opened: self.opened,
        }
    }
}
