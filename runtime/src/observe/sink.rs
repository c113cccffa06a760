//! Hands what is measured to the recorder of the crate `metrics`: a local one of the thread, else the global one, else
//! none.
//!
//! It keeps no values, and no handles: a recorder may be installed after the host was built.

use super::tenants::Tenants;
use super::{Label, Value};
use crate::clock::Clock;
use crate::host::Options;
use crate::observe::{METRICS, Metric, MetricKind, MetricUnit};
use metrics::{Key, Level, Metadata, SharedString, Unit, with_recorder};
use std::sync::Arc;
use std::time::Duration;

static METADATA: Metadata<'static> = Metadata::new("statewright", Level::INFO, Some("statewright"));

/// When something began, on the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Began(Duration);

pub(super) struct Sink {
    machine: &'static str,
    clock: Arc<dyn Clock>,
    tenants: Option<Tenants>,
}

impl Sink {
    pub(super) fn new(machine: &'static str, clock: &Arc<dyn Clock>, options: &Options) -> Self {
        describe();
        Self { machine, clock: Arc::clone(clock), tenants: options.tenants_max.map(Tenants::new) }
    }

    pub(super) fn now(&self) -> Began {
        Began(self.clock.monotonic())
    }

    pub(super) fn count<'a, const N: usize>(
        &self,
        metric: &Metric,
        by: usize,
        labels: impl FnOnce() -> [Label<'a>; N],
    ) {
        let key = self.key(metric, labels());
        with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(by as u64));
    }

    pub(super) fn set<'a, const N: usize>(
        &self,
        metric: &Metric,
        value: f64,
        labels: impl FnOnce() -> [Label<'a>; N],
    ) {
        let key = self.key(metric, labels());
        with_recorder(|recorder| recorder.register_gauge(&key, &METADATA).set(value));
    }

    pub(super) fn record<'a, const N: usize>(
        &self,
        metric: &Metric,
        value: f64,
        labels: impl FnOnce() -> [Label<'a>; N],
    ) {
        let key = self.key(metric, labels());
        with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(value));
    }

    /// The time since then, in seconds.
    pub(super) fn time<'a, const N: usize>(
        &self,
        metric: &Metric,
        began: Began,
        labels: impl FnOnce() -> [Label<'a>; N],
    ) {
        self.record(metric, self.clock.monotonic().saturating_sub(began.0).as_secs_f64(), labels);
    }

    fn key<const N: usize>(&self, metric: &Metric, labels: [Label<'_>; N]) -> Key {
        let mut all = Vec::with_capacity(N + 1);
        all.push(metrics::Label::new("machine", self.machine));
        all.extend(labels.into_iter().filter_map(|label| made(label, self.tenants.as_ref())));
        Key::from_parts(metric.name, all)
    }
}

/// Counts something that belongs to no machine.
pub(super) fn count_alone<'a, const N: usize>(metric: &Metric, labels: impl FnOnce() -> [Label<'a>; N]) {
    let labels: Vec<_> = labels().into_iter().filter_map(|label| made(label, None)).collect();
    let key = Key::from_parts(metric.name, labels);
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(1));
}

fn made((key, value): Label<'_>, tenants: Option<&Tenants>) -> Option<metrics::Label> {
    let value = match value {
        Value::Name(name) => SharedString::from(name),
        Value::Text(text) => SharedString::from(text),
        Value::Shared(text) => SharedString::from(Arc::clone(text)),
        Value::Tenant(tenant) => tenants?.label(tenant),
    };
    Some(metrics::Label::new(key, value))
}

/// Tells the recorder what there is.
fn describe() {
    with_recorder(|recorder| {
        for metric in METRICS {
            let unit = match metric.unit {
                MetricUnit::Seconds => Unit::Seconds,
                MetricUnit::Count => Unit::Count,
            };
            let (name, unit, meaning) = (metric.name.into(), Some(unit), metric.meaning.into());
            match metric.kind {
                MetricKind::Counter => recorder.describe_counter(name, unit, meaning),
                MetricKind::Gauge => recorder.describe_gauge(name, unit, meaning),
                MetricKind::Histogram => recorder.describe_histogram(name, unit, meaning),
            }
        }
    });
}
