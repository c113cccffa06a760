//! Reads what hosts tell of appends and conflicts by way of the crate `metrics`, and nothing else.

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was counted until now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Appends that were recorded.
    pub(crate) appends: u64,
    /// Appends that met another head: another host was faster.
    pub(crate) conflicts: u64,
    /// Groups that were decided again, whatever the cause.
    pub(crate) again: u64,
}

/// The recorder of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    appends: Arc<Times>,
    conflicts: Arc<Times>,
    again: Arc<AtomicU64>,
}

/// How many values a histogram was told.
#[derive(Debug, Default)]
struct Times(AtomicU64);

impl Meter {
    pub(crate) fn read(&self) -> Counted {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            appends: load(&self.appends.0),
            conflicts: load(&self.conflicts.0),
            again: load(&self.again),
        }
    }
}

impl HistogramFn for Times {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder for Meter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "statewright_conflicts_total" => Counter::from_arc(Arc::clone(&self.again)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let outcome = key.labels().find(|label| label.key() == "outcome").map(metrics::Label::value);
        match (key.name(), outcome) {
            ("statewright_append_seconds", Some("appended")) => {
                Histogram::from_arc(Arc::clone(&self.appends))
            }
            ("statewright_append_seconds", Some("conflict")) => {
                Histogram::from_arc(Arc::clone(&self.conflicts))
            }
            _ => Histogram::noop(),
        }
    }
}
