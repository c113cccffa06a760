//! Runs the timers of a shard: reads from the log who waits, and wakes whose time has come.
//!
//! A wake is a request in the instance's own queue, in front of nothing: whatever was asked before has its turn before.
//! Whether anything is due, the instance says. An instance that cannot be woken waits for its next try, and nobody else.

use super::agenda::{Agenda, Entry, Noted};
use super::duty::{Duty, Tenure};
use super::health::Watch;
use super::request::{Ask, Request, Woken};
use super::{Host, fleet};
use crate::error::{FireError, logged};
use crate::machine::Machine;
use crate::observe::Span;
use crate::repository::Origin;
use crate::store::{Shard, StoreError};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_core::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Instances of a shard that are woken at once.
const WAKES_MAX: usize = 256;

/// How long a wake may take before the instance is left for a later try.
const WAKE_TIME: Duration = Duration::from_secs(10);

/// The time of day is looked at so often while nothing happens: it may have been set.
const LOOK_MAX: Duration = Duration::from_mins(1);

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// Runs the timers of a shard while the host has it.
pub(super) fn duty<M: Machine>(host: &Host<M>) -> Duty {
    let host = host.clone();
    let run = move |tenure: Tenure| -> BoxFuture<'static, ()> {
        let host = host.clone();
        Box::pin(async move { Timers { host, shard: tenure.shard }.run(&tenure).await })
    };
    Duty { name: fleet::TIMERS, run: Arc::new(run) }
}

struct Timers<M: Machine> {
    host: Host<M>,
    shard: Shard,
}

impl<M: Machine> Timers<M> {
    /// Until the shard is given up. A store that does not answer is asked again, with growing pauses.
    async fn run(&self, tenure: &Tenure) {
        let mut tries = 0;
        let progress = self.host.0.pulse.watch(fleet::TIMERS, self.shard);
        while let Err(error) = self.watch(tenure, (&mut tries, &progress)).await {
            tries += 1;
            progress.is_stuck();
            tracing::warn!(machine = M::DEFINITION.machine, shard = self.shard.0, %error, "timers cannot be read");
            tokio::select! {
                () = tenure.left() => return,
                () = self.host.0.repository.clock.sleep(pause(tries)) => {}
            }
        }
    }

    /// Until the shard is given up or somebody else has it.
    async fn watch(&self, tenure: &Tenure, state: (&mut u32, &Watch)) -> Result<(), StoreError> {
        let (tries, progress) = state;
        let (store, clock) = (&self.host.0.repository.store, &self.host.0.repository.clock);
        let mut agenda = Agenda::open::<M>(Arc::clone(store), self.shard).await?;
        while !tenure.is_leaving() {
            let noted = agenda.note_page().await?;
            if noted == Noted::Moved {
                return Ok(());
            }
            let woken = self.wake_due(&mut agenda, progress).await?;
            *tries = 0;
            if noted == Noted::Full || woken > 0 {
                continue;
            }
            let left = agenda.quiet_until().map(|until| until.duration_since(clock.now()));
            let left = left.map(|left| Duration::try_from(left).unwrap_or_default().min(LOOK_MAX));
            let end = agenda.cursor().clone();
            tokio::select! {
                () = tenure.left() => {}
                changed = store.changed(self.shard, &end) => changed?,
                () = clock.sleep(left.unwrap_or_default()), if left.is_some() => {}
            }
        }
        Ok(())
    }

    /// Wakes those that are due, as many as may be woken at once. How many that were.
    async fn wake_due(&self, agenda: &mut Agenda, progress: &Watch) -> Result<usize, StoreError> {
        let entries = agenda.due(self.host.0.repository.clock.now(), WAKES_MAX).await?;
        progress.waits(entries.first().map(|entry| entry.due));
        let mut wakes = JoinSet::new();
        for entry in entries {
            let host = self.host.clone();
            wakes.spawn(async move {
                let after = wake(&host, &entry).await;
                (entry, after)
            });
        }
        let woken = wakes.len();
        if woken > 0 {
            agenda.replace(wakes.join_all().await).await?;
        }
        Ok(woken)
    }
}

/// Wakes an instance. What stands in the agenda for it from then on.
async fn wake<M: Machine>(host: &Host<M>, entry: &Entry) -> Option<Entry> {
    let (sender, receiver) = oneshot::channel();
    let mut request = Request::new(Ask::Wake(sender), Origin::default());
    request.reserved = true;
    let clock = Arc::clone(&host.0.repository.clock);
    let span = Span::wake(&entry.stream);
    request.span = span.clone();
    let answer = match host.enqueue(&entry.stream, request) {
        Ok(()) => tokio::select! {
            answer = receiver => Some(answer.unwrap_or(Err(FireError::Closed))),
            () = clock.sleep(WAKE_TIME) => None,
        },
        Err(error) => Some(Err(error)),
    };
    let outcome = outcome(answer.as_ref());
    span.outcome(outcome);
    host.0.observer.woken(outcome);
    let stream = || entry.stream.clone();
    match answer {
        Some(Ok(Woken { next, .. })) => next.map(|due| Entry { stream: stream(), due, tries: 0 }),
        Some(Err(FireError::Load(error))) if error.is_gone() => None,
        failed => {
            let error = failed.and_then(Result::err);
            Some(again(entry, clock.now(), error.as_ref()))
        }
    }
}

fn outcome(answer: Option<&Result<Woken, FireError>>) -> &'static str {
    match answer {
        Some(Ok(Woken { ran: 0, .. })) => "nothing_due",
        Some(Ok(_)) => "ran",
        Some(Err(_)) => "failed",
        None => "late",
    }
}

/// An instance that was asked in vain is asked again, after a pause that grows.
fn again(entry: &Entry, now: Timestamp, error: Option<&FireError>) -> Entry {
    let tries = entry.tries.saturating_add(1);
    let why = error.map_or_else(|| "it does not answer".to_owned(), |error| logged(error));
    tracing::warn!(stream = %entry.stream, tries, why, "timers that are due were not run yet");
    let pause = SignedDuration::try_from(pause(tries)).unwrap_or(SignedDuration::MAX);
    let due = now.checked_add(pause).unwrap_or(Timestamp::MAX);
    // The grain of the agenda.
    let due = Timestamp::from_microsecond(due.as_microsecond()).unwrap_or(due);
    Entry { due, tries, ..entry.clone() }
}

fn pause(tries: u32) -> Duration {
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(PAUSE_MAX)
        .without_max_times();
    let nth = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    pauses.build().nth(nth.min(16)).unwrap_or(PAUSE_MAX)
}
