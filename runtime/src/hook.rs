//! A function of the caller's that is told of something. What it does wrong stays with it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A function that may be absent.
pub(crate) struct Hook<T: ?Sized>(Option<Arc<Call<T>>>);

type Call<T> = dyn Fn(&T) + Send + Sync;

impl<T: ?Sized> Hook<T> {
    pub(crate) fn new(call: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(call)))
    }

    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Tells it. A panic ends here: whoever tells has work of others in hand.
    pub(crate) fn tell(&self, what: &T, name: &'static str) {
        let Some(call) = &self.0 else { return };
        if catch_unwind(AssertUnwindSafe(|| call(what))).is_err() {
            tracing::error!(name, "a hook panicked");
        }
    }
}

impl<T: ?Sized> Clone for Hook<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: ?Sized> Default for Hook<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: ?Sized> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hook" } else { "none" })
    }
}
