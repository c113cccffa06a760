//! A few tasks at once, their results in the order in which they were begun.
//!
//! They run by themselves: one that holds something of the store never waits for whoever collects the results. Dropping
//! it ends them.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub(super) struct SideBySide<T>(VecDeque<JoinHandle<T>>);

impl<T> Default for SideBySide<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Send + 'static> SideBySide<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn begin(&mut self, runtime: &Handle, work: impl Future<Output = T> + Send + 'static) {
        self.0.push_back(runtime.spawn(work));
    }

    /// The result of the one that was begun first; `None` when there is none, or when the runtime has ended it. A panic
    /// goes on here.
    pub(super) async fn next(&mut self) -> Option<T> {
        let ended = self.0.front_mut()?.await;
        self.0.pop_front();
        match ended {
            Ok(result) => Some(result),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }
}

impl<T> Drop for SideBySide<T> {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
