//! Who waits for a bucket: first come, first served, woken at the moment its tokens are there.
//!
//! Whoever gives up leaves the place to those behind.

use super::Exceeded;
use super::bucket::{Bucket, Receipt};
use super::core::Core;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Those who wait for one bucket. Most buckets never see anybody wait.
#[derive(Debug, Default)]
pub(super) struct Queue(Option<Box<Line>>);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    place: u64,
    wake: Arc<Notify>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |line| line.waiting.len())
    }

    /// The first looks at the bucket again.
    pub(super) fn wake_first(&self) {
        if let Some(first) = self.first() {
            first.wake.notify_one();
        }
    }

    fn first(&self) -> Option<&Waiter> {
        self.0.as_ref().and_then(|line| line.waiting.front())
    }

    fn join(&mut self) -> (u64, Arc<Notify>) {
        let line = self.0.get_or_insert_default();
        let (place, wake) = (line.next, Arc::new(Notify::new()));
        line.next += 1;
        line.waiting.push_back(Waiter { place, wake: Arc::clone(&wake) });
        (place, wake)
    }

    fn leave(&mut self, place: u64) {
        let Some(line) = &mut self.0 else { return };
        let was_first = line.waiting.front().is_some_and(|first| first.place == place);
        line.waiting.retain(|waiter| waiter.place != place);
        if line.waiting.is_empty() {
            self.0 = None;
        } else if was_first {
            self.wake_first();
        }
    }
}

/// A bucket and its queue, wherever they are kept, under their lock.
pub(super) trait Spot: Sync {
    /// # Errors
    /// There is no room for another bucket; ticks until there may be.
    fn with<T>(&self, act: impl FnOnce(&Bucket, &mut Queue) -> T) -> Result<T, u64>;
}

/// What a look at the bucket comes to.
enum Turn {
    Taken(Receipt),
    /// First in the queue, and the tokens come in this long.
    In(Duration),
    Behind,
    Refused(Exceeded),
}

/// A place in the queue, given up when it is dropped.
struct Place<'a, S: Spot> {
    spot: &'a S,
    number: u64,
    wake: Arc<Notify>,
}

impl<S: Spot> Drop for Place<'_, S> {
    fn drop(&mut self) {
        // Its own bucket is kept as long as somebody waits for it.
        let _ = self.spot.with(|_, queue| queue.leave(self.number));
    }
}

/// Takes tokens, waiting in the queue for at most as long as the limit allows.
pub(super) async fn acquire<S: Spot>(core: &Core, spot: &S) -> Result<Receipt, Exceeded> {
    let until = core.clock_now().saturating_add(core.limit.wait);
    let entered = spot.with(|bucket, queue| {
        if queue.len() == 0
            && let Ok(receipt) = bucket.take(&core.rule, core.time.now().bucket)
        {
            return Ok(Ok(receipt));
        }
        let exceeded = core.exceeded(bucket, queue.len());
        if queue.len() >= core.limit.waiters_max || exceeded.retry_after > core.limit.wait {
            return Err(exceeded);
        }
        Ok(Err(queue.join()))
    });
    let (place, wake) = match entered.map_err(|ticks| core.crowded(ticks))?? {
        Ok(receipt) => return Ok(receipt),
        Err(joined) => joined,
    };
    let place = Place { spot, number: place, wake };
    loop {
        match turn(core, &place, until) {
            Turn::Taken(receipt) => {
                core.tally.wait();
                return Ok(receipt);
            }
            Turn::In(duration) => tokio::select! {
                () = core.time.sleep(duration) => {}
                () = place.wake.notified() => {}
            },
            Turn::Behind => place.wake.notified().await,
            Turn::Refused(exceeded) => return Err(exceeded),
        }
    }
}

fn turn<S: Spot>(core: &Core, place: &Place<'_, S>, until: Duration) -> Turn {
    let turn = place.spot.with(|bucket, queue| {
        if queue.first().is_none_or(|first| first.place != place.number) {
            return Turn::Behind;
        }
        match bucket.take(&core.rule, core.time.now().bucket) {
            Ok(receipt) => Turn::Taken(receipt),
            Err(missing) => {
                let lasts = core.time.lasts(missing);
                // More hosts share the limit since it joined: it will not be served in its time.
                if core.clock_now().saturating_add(lasts) > until {
                    return Turn::Refused(core.exceeded(bucket, 0));
                }
                Turn::In(lasts)
            }
        }
    });
    turn.unwrap_or_else(|ticks| Turn::Refused(core.crowded(ticks)))
}
