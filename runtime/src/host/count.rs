//! How many are at work, and a way to wait until nobody is.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Count {
    working: AtomicUsize,
    quiet: Notify,
}

impl Count {
    pub(crate) fn enter(&self) {
        self.working.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        if self.working.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.quiet.notify_waiters();
        }
    }

    /// Returns when nobody is at work.
    pub(crate) async fn quiet(&self) {
        loop {
            // Asked for before looking, so that a notice between the two is not missed.
            let quiet = self.quiet.notified();
            if self.working.load(Ordering::SeqCst) == 0 {
                return;
            }
            quiet.await;
        }
    }
}
