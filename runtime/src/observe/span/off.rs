//! In the place of spans when the feature `tracing` is off.

use crate::effect::EffectCx;
use crate::repository::Origin;
use crate::store::{Revision, StreamId};

#[derive(Clone, Debug, Default)]
pub(crate) struct Span(());

#[allow(clippy::unused_self, reason = "it stands in for one that has something")]
impl Span {
    pub(crate) fn fire(_: &StreamId, _: &str, _: &Origin) -> Self {
        Self(())
    }

    pub(crate) fn group<'a>(_: &StreamId, _: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        Self(())
    }

    pub(crate) fn load() -> Self {
        Self(())
    }

    pub(crate) fn append(_: usize) -> Self {
        Self(())
    }

    pub(crate) fn wake(_: &StreamId) -> Self {
        Self(())
    }

    pub(crate) fn effect(_: &EffectCx, _: &'static str) -> Self {
        Self(())
    }

    pub(crate) fn outcome(&self, _: &'static str) {}

    pub(crate) fn revision(&self, _: Revision) {}

    pub(crate) fn around<F: Future>(&self, future: F) -> F {
        future
    }
}
