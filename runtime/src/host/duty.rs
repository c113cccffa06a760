//! Work that one host at a time does for a shard, while it holds the shard's lease for it.
//!
//! What the work is, it does not know; who holds which lease is decided in `fleet`.

use crate::clock::Clock;
use crate::lease::Lease;
use crate::store::Shard;
use futures_core::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// One kind of work.
#[derive(Clone)]
pub(crate) struct Duty {
    /// Names the lease: `lease/<name>/<machine>`.
    pub(crate) name: &'static str,
    /// Works until the tenure is over. It is dropped wherever it waits when the lease is lost.
    pub(crate) run: Arc<dyn Fn(Tenure) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// The time in which a host holds a shard for one duty.
#[derive(Clone, Debug)]
pub(crate) struct Tenure {
    pub(crate) shard: Shard,
    /// Larger than that of everybody who held the shard before.
    pub(crate) epoch: u64,
    leaving: watch::Receiver<bool>,
}

impl Tenure {
    /// Whether the work is to come to its end: another host is to have the shard, or this one shuts down.
    pub(crate) fn is_leaving(&self) -> bool {
        *self.leaving.borrow()
    }

    /// Returns when the work is to come to its end.
    pub(crate) async fn left(&self) {
        // The sender is gone with the fleet: then it is over too.
        let _ = self.leaving.clone().wait_for(|leaving| *leaving).await;
    }
}

/// One duty for one shard: the lease, and the work while it is held.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) duty: usize,
    pub(super) shard: Shard,
    pub(super) lease: Lease,
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    leaving: watch::Sender<bool>,
    /// Until when the lease is held, on the monotonic clock.
    until: watch::Sender<Duration>,
    ended: watch::Receiver<bool>,
}

/// How work on a shard came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It was asked to.
    GivenBack,
    /// The lease was over before it was renewed, or the work found that somebody else has the shard.
    Over,
    /// Another host has taken the lease.
    Lost,
    /// It panicked.
    Panicked,
}

impl Work {
    fn ending(&self) -> Option<Ending> {
        match (*self.ended.borrow(), self.ended.has_changed()) {
            (true, _) if *self.leaving.borrow() => Some(Ending::GivenBack),
            (true, _) => Some(Ending::Over),
            // It said nothing, and the sender is gone.
            (false, Err(_)) => Some(Ending::Panicked),
            (false, Ok(_)) => None,
        }
    }
}

impl Post {
    pub(super) fn new(duty: usize, shard: Shard, lease: Lease) -> Self {
        Self { duty, shard, lease, work: None }
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.work.is_some()
    }

    /// Asks the work to come to its end.
    pub(super) fn leave(&self) {
        if let Some(work) = &self.work {
            work.leaving.send_replace(true);
        }
    }

    /// How the work has come to its end since it was asked last, if it has.
    pub(super) fn take_ended(&mut self) -> Option<Ending> {
        let ending = self.work.as_ref().and_then(Work::ending);
        if ending.is_some() {
            self.work = None;
        }
        ending
    }

    /// The lease is held until its time is over: begins the work, or lets it go on.
    pub(super) fn held(&mut self, epoch: u64, begin: impl FnOnce(Tenure, Span)) {
        let until = self.lease.until().unwrap_or_default();
        if let Some(work) = &self.work {
            work.until.send_replace(until);
            return;
        }
        let (leaving, left) = watch::channel(false);
        let (until, span) = watch::channel(until);
        let (end, ended) = watch::channel(false);
        self.work = Some(Work { leaving, until, ended });
        begin(Tenure { shard: self.shard, epoch, leaving: left }, Span { until: span, end });
    }

    /// The lease is lost: the work, if there is any, ends where it waits.
    pub(super) fn lose(&mut self) -> Option<Ending> {
        let work = self.work.take()?;
        work.until.send_replace(Duration::ZERO);
        Some(Ending::Lost)
    }
}

/// How long a piece of work may go on.
pub(super) struct Span {
    until: watch::Receiver<Duration>,
    end: watch::Sender<bool>,
}

impl Span {
    /// Works until it ends by itself or the lease is over, and says so.
    pub(super) async fn work(self, clock: &dyn Clock, work: BoxFuture<'static, ()>, notify: &Notify) {
        tokio::select! {
            biased;
            () = over(self.until, clock) => {}
            () = work => {}
        }
        self.end.send_replace(true);
        notify.notify_one();
    }
}

/// Returns when the lease is over, however often it was renewed.
async fn over(mut until: watch::Receiver<Duration>, clock: &dyn Clock) {
    loop {
        let left = until.borrow_and_update().saturating_sub(clock.monotonic());
        if left.is_zero() {
            return;
        }
        tokio::select! {
            () = clock.sleep(left) => {}
            changed = until.changed() => if changed.is_err() { return },
        }
    }
}

impl fmt::Debug for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duty").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;
    use crate::lease::Claim;
    use crate::store::MemoryStore;

    /// A post whose work is at work.
    async fn post(work: BoxFuture<'static, ()>, clock: &FakeClock) -> (Post, tokio::task::JoinHandle<()>) {
        let store = MemoryStore::new();
        let claim = Claim { holder: "a".into(), time: Duration::from_secs(10) };
        let mut post = Post::new(0, Shard(0), Lease::new(&store, (Shard(0), "x"), claim));
        let epoch = post.lease.hold(&store, Duration::ZERO).await.expect("memory").expect("it is free");
        let (mut task, clock) = (None, clock.clone());
        post.held(epoch, |_, span| {
            task = Some(tokio::spawn(async move { span.work(&clock, work, &Notify::new()).await }));
        });
        (post, task.expect("it has begun"))
    }

    #[tokio::test]
    async fn work_that_panics_has_ended() {
        let (mut post, task) = post(Box::pin(async { panic!("at work") }), &FakeClock::default()).await;
        assert!(post.is_at_work());
        assert!(task.await.expect_err("it panicked").is_panic());
        assert_eq!(post.take_ended(), Some(Ending::Panicked));
        assert!(!post.is_at_work());
    }

    #[tokio::test]
    async fn work_ends_where_it_waits_when_the_lease_is_over() {
        let clock = FakeClock::default();
        let (mut post, task) = post(Box::pin(std::future::pending()), &clock).await;
        clock.advance(Duration::from_secs(9));
        assert_eq!(post.take_ended(), None);
        clock.advance(Duration::from_secs(1));
        task.await.expect("no panic");
        assert_eq!(post.take_ended(), Some(Ending::Over));
    }
}
