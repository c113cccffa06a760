//! What is done outside after the commit: the handler's side of it.
//!
//! Recording, order and retries are the host's.

use crate::machine::Machine;
use crate::store::StreamId;
use futures_core::future::BoxFuture;

/// Where an effect comes from. Its [`key`](Self::key) is the same at every try, so a handler that drops repeated
/// keys has each effect once.
#[derive(Clone, Debug)]
pub struct EffectCx {
    stream: StreamId,
    revision: u64,
    index: u32,
    attempt: u32,
    epoch: u64,
}

impl EffectCx {
    /// The effect with this place in the log.
    pub fn new(stream: StreamId, place: (u64, u32)) -> Self {
        Self { stream, revision: place.0, index: place.1, attempt: 1, epoch: 0 }
    }

    /// The same, tried again.
    #[must_use]
    pub fn again(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The same, done by a host that has had the shard since this epoch.
    #[must_use]
    pub fn during(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// Grows whenever another host takes over the shard: an outside world that remembers the largest it has seen can turn
    /// down a host that was paused and does not know yet that it has lost the shard.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Idempotency key: tenant, machine, instance, revision and index, joined by `/` and never changing. `%` and `/` in an
    /// id are `%25` and `%2F` there, so that no two effects have a key in common.
    pub fn key(&self) -> String {
        let StreamId { tenant, machine, instance } = &self.stream;
        let (tenant, instance) = (escaped(tenant), escaped(instance));
        format!("{tenant}/{machine}/{instance}/{}/{}", self.revision, self.index)
    }

    /// The effect with this key; `None` for what is no key.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let parts: Vec<_> = key.split('/').collect();
        let [tenant, machine, instance, revision, index] = parts[..] else { return None };
        let stream = StreamId::new(&unescaped(tenant), machine, &unescaped(instance));
        let cx = Self::new(stream, (revision.parse().ok()?, index.parse().ok()?));
        // What reads the same and is written otherwise is no key.
        (cx.key() == key).then_some(cx)
    }

    /// The command id of the trigger that the effect may answer with.
    pub fn answer_id(&self) -> String {
        format!("effect/{}/{}", self.revision, self.index)
    }

    pub(crate) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The tenant; empty where there are none.
    pub fn tenant(&self) -> &str {
        &self.stream.tenant
    }

    /// The instance whose step asked for the effect.
    pub fn instance(&self) -> &str {
        &self.stream.instance
    }

    /// The revision of the record it stands in.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Its place in the record, counted from 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Which try this is, counted from 1. A try that ended with a kill of the host, before it was written that it failed, is
    /// not counted.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// An id without the separator.
pub(crate) fn escaped(id: &str) -> String {
    id.replace('%', "%25").replace('/', "%2F")
}

/// The id that was [`escaped`].
pub(crate) fn unescaped(part: &str) -> String {
    part.replace("%2F", "/").replace("%25", "%")
}

/// Why an effect could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EffectError {
    /// Trying again may help.
    #[error("the effect failed and may be tried again")]
    Retry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Trying again cannot help.
    #[error("the effect failed for good")]
    Fatal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EffectError {
    /// A failure that may pass.
    pub fn retry(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Retry(cause.into())
    }

    /// A failure that stays.
    pub fn fatal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Fatal(cause.into())
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retry(_))
    }
}

/// What a handler answers: a trigger for the same instance, or nothing.
pub type EffectAnswer<M> = Result<Option<<M as Machine>::Trigger>, EffectError>;

/// A machine whose effects `H` can do. Implemented by `state_machine!` for every `H` that implements the machine's
/// effects trait.
#[diagnostic::on_unimplemented(
    message = "`{H}` does not handle the effects of `{Self}`",
    note = "implement the trait that `state_machine!` generates beside the machine: its name is the machine's with `Effects` behind it"
)]
pub trait HandledBy<H>: Machine {
    /// Does one effect.
    fn handle<'a>(
        handler: &'a H,
        cx: &'a EffectCx,
        effect: Self::Effect,
    ) -> BoxFuture<'a, EffectAnswer<Self>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_which_effect_it_is() {
        for (tenant, instance) in [("", "a-1"), ("a/b", "100%/"), ("%2F", "")] {
            let cx = EffectCx::new(StreamId::new(tenant, "Door", instance), (7, 1));
            let found = EffectCx::of_key(&cx.key()).expect("it is a key");
            assert_eq!((found.stream(), found.revision(), found.index()), (cx.stream(), 7, 1));
        }
        for wrong in ["", "/Door/a/1", "/Door/a/1/0/0", "/Door/a/01/0", "/Door/a/1/x", "/Door/a%/1/0"] {
            assert!(EffectCx::of_key(wrong).is_none(), "{wrong}");
        }
    }
}
