//! Spans as `tracing` knows them. Their level is `INFO` for what is asked from outside and `DEBUG` for what becomes of it.

use crate::effect::EffectCx;
use crate::observe::table;
use crate::repository::Origin;
use crate::store::{Revision, StreamId};
use tracing::Instrument;
use tracing::field::{Empty, display};
use tracing::instrument::Instrumented;

/// A piece of work. The default is none.
#[derive(Clone, Debug)]
pub(crate) struct Span(tracing::Span);

impl Default for Span {
    fn default() -> Self {
        Self(tracing::Span::none())
    }
}

impl Span {
    /// A trigger is asked.
    pub(crate) fn fire(stream: &StreamId, trigger: &str, origin: &Origin) -> Self {
        Self(tracing::info_span!(
            target: "statewright",
            table::FIRE,
            machine = &*stream.machine,
            tenant = &*stream.tenant,
            instance = &*stream.instance,
            trigger,
            command = &*origin.command,
            correlation = origin.correlation.as_deref(),
            outcome = Empty,
            revision = Empty,
        ))
    }

    /// Requests are decided together.
    pub(crate) fn group<'a>(stream: &StreamId, requests: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let span = tracing::debug_span!(
            target: "statewright",
            parent: None,
            table::GROUP_SPAN,
            machine = &*stream.machine,
            tenant = &*stream.tenant,
            instance = &*stream.instance,
            requests = requests.len(),
        );
        for request in requests {
            span.follows_from(&request.0);
        }
        Self(span)
    }

    /// An instance is read.
    pub(crate) fn load() -> Self {
        Self(tracing::debug_span!(target: "statewright", table::LOAD_SPAN, outcome = Empty, revision = Empty))
    }

    /// Steps are handed to the store.
    pub(crate) fn append(steps: usize) -> Self {
        Self(tracing::debug_span!(target: "statewright", table::APPEND_SPAN, steps, outcome = Empty))
    }

    /// An instance is woken for its timers.
    pub(crate) fn wake(stream: &StreamId) -> Self {
        Self(tracing::info_span!(
            target: "statewright",
            parent: None,
            table::WAKE_SPAN,
            machine = &*stream.machine,
            tenant = &*stream.tenant,
            instance = &*stream.instance,
            outcome = Empty,
        ))
    }

    /// An effect is tried.
    pub(crate) fn effect(cx: &EffectCx, effect: &'static str) -> Self {
        Self(tracing::info_span!(
            target: "statewright",
            parent: None,
            table::EFFECT_SPAN,
            machine = &*cx.stream().machine,
            tenant = cx.tenant(),
            instance = cx.instance(),
            effect,
            key = cx.key(),
            attempt = cx.attempt(),
            outcome = Empty,
        ))
    }

    /// What came of it.
    pub(crate) fn outcome(&self, outcome: &'static str) {
        self.0.record("outcome", outcome);
    }

    /// Where it led.
    pub(crate) fn revision(&self, revision: Revision) {
        self.0.record("revision", display(revision));
    }

    /// The future's work belongs to it.
    pub(crate) fn around<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.0.clone())
    }
}
