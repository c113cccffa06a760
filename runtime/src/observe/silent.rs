//! In the place of `sink` when the feature `metrics` is off: nothing is measured, no clock is asked, no label is made.

use super::Label;
use crate::clock::Clock;
use crate::host::Options;
use crate::observe::Metric;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Began(());

pub(super) struct Sink;

#[allow(clippy::unused_self, reason = "it stands in for one that has something")]
impl Sink {
    pub(super) fn new(_: &'static str, _: &Arc<dyn Clock>, _: &Options) -> Self {
        Self
    }

    pub(super) fn now(&self) -> Began {
        Began(())
    }

    pub(super) fn count<'a, const N: usize>(&self, _: &Metric, _: usize, _: impl FnOnce() -> [Label<'a>; N]) {
    }

    pub(super) fn set<'a, const N: usize>(&self, _: &Metric, _: f64, _: impl FnOnce() -> [Label<'a>; N]) {}

    pub(super) fn record<'a, const N: usize>(&self, _: &Metric, _: f64, _: impl FnOnce() -> [Label<'a>; N]) {}

    pub(super) fn time<'a, const N: usize>(&self, _: &Metric, _: Began, _: impl FnOnce() -> [Label<'a>; N]) {}
}

pub(super) fn count_alone<'a, const N: usize>(_: &Metric, _: impl FnOnce() -> [Label<'a>; N]) {}
