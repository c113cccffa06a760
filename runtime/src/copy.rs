//! Moving from one store to another: everything, or what a tenant or a machine has.
//!
//! Streams and revisions stay what they are; cursors do not. [`Copy::catch_up`] brings over what is new, again and again while
//! the source serves; [`Copy::cut_over`] does so for the last time, when nobody writes any more, and takes along what stands on
//! the shelf and cannot be found again from the log; [`Copy::verify`] holds every record against its original.
//!
//! It starts no host and stops none, and changes nothing in the source.

mod error;
mod log;
mod shelf;
mod together;
mod verify;

pub use error::CopyError;
pub use verify::Verified;

use crate::hook::Hook;
use crate::store::{Shard, Store, StreamId};
use std::fmt;
use std::sync::Arc;

/// Moves what `from` holds into `to`. Nothing happens before one of its methods is called.
pub fn copy(from: impl Store, to: impl Store) -> Copy {
    Copy { from: Arc::new(from), to: Arc::new(to), tenant: None, machine: None, on_progress: Hook::default() }
}

/// A move between two stores: see the [module](self).
#[must_use = "nothing is copied before it is asked for"]
pub struct Copy {
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    tenant: Option<Arc<str>>,
    machine: Option<Arc<str>>,
    on_progress: Hook<Copied>,
}

/// What was brought over by one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Shards of the source that were read to their end.
    pub shards: u16,
    /// Records that were written.
    pub records: u64,
    /// Cells that were written.
    pub cells: u64,
}

impl Copy {
    /// Only what this tenant has.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Only the instances of this machine.
    pub fn machine(mut self, machine: &str) -> Self {
        self.machine = Some(machine.into());
        self
    }

    /// Is told how far it has come, behind every page. A panic in it ends there.
    pub fn on_progress(mut self, call: impl Fn(&Copied) + Send + Sync + 'static) -> Self {
        self.on_progress = Hook::new(call);
        self
    }

    /// Brings over what the target does not have yet. The source may serve meanwhile. Can be cancelled or killed at any
    /// moment and called again: it goes on where it was, and writes nothing twice.
    ///
    /// # Errors
    /// A store does not answer, the target does not take a step, or it holds something of its own where a stream belongs.
    pub async fn catch_up(&self) -> Result<Copied, CopyError> {
        let mut copied = Copied::default();
        for shard in (0..self.from.limits().shards).map(Shard) {
            self.catch_up_shard(shard, &mut copied).await?;
            copied.shards += 1;
            self.on_progress.tell(&copied, "on_progress");
        }
        Ok(copied)
    }

    /// Brings over the rest, and what stands on the shelf: the keys of personal data, effects that wait or failed for good,
    /// marks of erased tenants. From now on effects run in the target, and none that ran in the source runs again. Hosts of
    /// the source have been shut down before, and none runs on the target yet. Can be called again.
    ///
    /// # Errors
    /// Those of [`catch_up`](Self::catch_up); effects are left that the source's hosts have not begun
    /// ([`CopyError::EffectsLeft`]); or the target has personal data under a secret of its own
    /// ([`CopyError::PersonalSecret`]).
    pub async fn cut_over(&self) -> Result<Copied, CopyError> {
        let machines = self.machines_with_effects().await?;
        self.check_effects(&machines).await?;
        self.take_secret().await?;
        let mut copied = self.catch_up().await?;
        copied.cells += self.copy_shelf().await?;
        self.begin_effects(&machines).await?;
        self.on_progress.tell(&copied, "on_progress");
        Ok(copied)
    }

    /// Reads every stream in both stores and holds them against each other, record by record. What was erased in the source
    /// after it was brought over is erased in the target. While the source serves, what is newer than the target is passed over;
    /// behind the cut-over there is none.
    ///
    /// # Errors
    /// A store does not answer, or a record is missing or another one: see [`CopyError::Differs`].
    pub async fn verify(&self) -> Result<Verified, CopyError> {
        verify::verify(self).await
    }

    fn is_wanted(&self, stream: &StreamId) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == stream.tenant)
            && self.machine.as_ref().is_none_or(|machine| *machine == stream.machine)
    }
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy")
            .field("tenant", &self.tenant)
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}
