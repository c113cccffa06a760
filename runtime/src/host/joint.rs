//! Where the appends of many instances become one call to the store: what came in while the last ones were under way.
//!
//! Each append has its own outcome. Nobody waits for company, and no delay is made.

use super::convoy::Gate;
use crate::store::{Append, Outcome, RecordedStep, Store, StoreError, Unit};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Most steps of one call, unless a single append has more.
const STEPS_MAX: usize = 1_024;

/// Most payload bytes of one call, unless a single append has more.
const BYTES_MAX: usize = 1 << 20;

/// Calls that are under way at once: one is written while the next is prepared.
const CALLS_MAX: usize = 2;

pub(super) struct Joint {
    store: Arc<dyn Store>,
    waiting: Mutex<Waiting>,
}

/// One append for each convoy, and those are bounded by the batch.
#[derive(Default)]
struct Waiting {
    appends: VecDeque<Parcel>,
    calls: usize,
}

struct Parcel {
    append: Append,
    gate: Arc<Gate>,
    bytes: usize,
    reply: oneshot::Sender<Option<Outcome>>,
}

/// A call to the store. However it ends, the next one begins; but none behind one that never did: its runtime has ended.
struct Call {
    joint: Arc<Joint>,
    has_begun: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.joint.waiting().calls -= 1;
        if self.has_begun {
            self.joint.call();
        }
    }
}

impl Joint {
    pub(super) fn new(store: &Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store: Arc::clone(store), waiting: Mutex::default() })
    }

    /// The fate of an append; `None` when its gate was shut before it was handed over.
    pub(super) async fn append(self: &Arc<Self>, append: Append, gate: &Arc<Gate>) -> Option<Outcome> {
        let bytes = append.steps.iter().map(RecordedStep::bytes).sum();
        let (reply, outcome) = oneshot::channel();
        self.waiting().appends.push_back(Parcel { append, gate: Arc::clone(gate), bytes, reply });
        self.call();
        // Dropped when the store panicked: nobody knows.
        let lost = |_| Some(Outcome::Unknown(StoreError::Closed { store: "of the batch".to_owned() }));
        outcome.await.unwrap_or_else(lost)
    }

    fn call(self: &Arc<Self>) {
        let mut waiting = self.waiting();
        if waiting.appends.is_empty() || waiting.calls >= CALLS_MAX {
            return;
        }
        // A call that is dropped with its runtime may be dropped outside of it.
        let Ok(runtime) = Handle::try_current() else { return };
        waiting.calls += 1;
        drop(waiting);
        let call = Call { joint: Arc::clone(self), has_begun: false };
        runtime.spawn(async move { call.run().await });
    }

    fn load(&self) -> (Vec<Append>, Vec<oneshot::Sender<Option<Outcome>>>) {
        let (mut appends, mut replies) = (Vec::new(), Vec::new());
        let (mut steps, mut bytes) = (0, 0);
        let mut waiting = self.waiting();
        while let Some(next) = waiting.appends.front() {
            steps += next.append.steps.len();
            bytes += next.bytes;
            if !appends.is_empty() && (steps > STEPS_MAX || bytes > BYTES_MAX) {
                break;
            }
            let Some(Parcel { append, gate, reply, .. }) = waiting.appends.pop_front() else { break };
            if gate.enter(append.after.revision) {
                appends.push(append);
                replies.push(reply);
            } else {
                // Nobody may be waiting any more.
                let _ = reply.send(None);
            }
        }
        (appends, replies)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    async fn run(mut self) {
        self.has_begun = true;
        // Taken here, not before: what was handed over since is on board too.
        let (appends, replies) = self.joint.load();
        if appends.is_empty() {
            return;
        }
        let outcomes = self.joint.store.append(appends, Unit::Each).await;
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _ = reply.send(Some(outcome));
        }
    }
}
