//! Hears what is recorded on this thread, and holds all of it against the table and its page.

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use statewright::observe::{METRICS, Metric, MetricKind, MetricUnit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The page that lists them.
pub(super) const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// What was heard: `name key=value …` with every value that was added, set or recorded; labels by key, and none that says
/// the machine.
pub(super) type Seen = BTreeMap<String, Vec<f64>>;

/// What recorders are told of a metric: its kind, its unit, its meaning.
pub(super) type Told = (MetricKind, Option<Unit>, String);

/// Hears what is recorded on the thread of its test.
pub(super) struct Meter {
    ear: &'static Ear,
    _heard: metrics::LocalRecorderGuard<'static>,
}

#[derive(Default)]
struct Ear {
    seen: Arc<Mutex<Seen>>,
    described: Mutex<BTreeMap<String, Told>>,
}

/// One metric with its labels.
struct Pen {
    key: String,
    seen: Arc<Mutex<Seen>>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let ear: &'static Ear = Box::leak(Box::default());
        Self { ear, _heard: metrics::set_default_local_recorder(ear) }
    }

    /// What was heard since the last look.
    pub(super) fn read(&self) -> Seen {
        std::mem::take(&mut self.ear.seen.lock().expect("no panic"))
    }

    /// What recorders are told of a metric.
    pub(super) fn described(&self, name: &str) -> Option<Told> {
        self.ear.described.lock().expect("no panic").get(name).cloned()
    }
}

impl Pen {
    fn write(&self, value: f64) {
        self.seen.lock().expect("no panic").entry(self.key.clone()).or_default().push(value);
    }
}

impl CounterFn for Pen {
    fn increment(&self, value: u64) {
        self.write(f64::from(u32::try_from(value).expect("few")));
    }

    fn absolute(&self, _: u64) {
        panic!("exporters to OpenTelemetry cannot do that");
    }
}

impl GaugeFn for Pen {
    fn increment(&self, _: f64) {
        panic!("exporters to OpenTelemetry cannot do that");
    }

    fn decrement(&self, _: f64) {
        panic!("exporters to OpenTelemetry cannot do that");
    }

    fn set(&self, value: f64) {
        self.write(value);
    }
}

impl HistogramFn for Pen {
    fn record(&self, value: f64) {
        self.write(value);
    }
}

impl Ear {
    fn pen(&self, key: &Key, kind: MetricKind) -> Arc<Pen> {
        Arc::new(Pen { key: checked(key, kind), seen: Arc::clone(&self.seen) })
    }

    fn note(&self, name: &KeyName, told: (MetricKind, Option<Unit>, SharedString)) {
        let (kind, unit, meaning) = told;
        let told = (kind, unit, meaning.into_owned());
        self.described.lock().expect("no panic").insert(name.as_str().to_owned(), told);
    }
}

impl Recorder for Ear {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&name, (MetricKind::Counter, unit, meaning));
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&name, (MetricKind::Gauge, unit, meaning));
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&name, (MetricKind::Histogram, unit, meaning));
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.pen(key, MetricKind::Counter))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.pen(key, MetricKind::Gauge))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.pen(key, MetricKind::Histogram))
    }
}

/// The key as text, if it is as the table says.
fn checked(key: &Key, kind: MetricKind) -> String {
    let name = key.name();
    let metric = METRICS.iter().find(|metric| metric.name == name).expect("it is in the table");
    assert_eq!(kind, metric.kind, "{name}");
    let ending = match (metric.kind, metric.unit) {
        (MetricKind::Counter, _) => "_total",
        (_, MetricUnit::Seconds) => "_seconds",
        (MetricKind::Gauge | MetricKind::Histogram, MetricUnit::Count) => "",
    };
    assert!(name.ends_with(ending), "{name}");
    let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
    labels.sort_unstable();
    for label in &labels {
        check_label(metric, *label);
    }
    let labels = labels.iter().filter(|(key, _)| *key != "machine");
    labels.fold(name.to_owned(), |text, (key, value)| format!("{text} {key}={value}"))
}

fn check_label(metric: &Metric, label: (&str, &str)) {
    let (key, value) = label;
    assert!(key == "machine" || metric.labels.contains(&key), "{} has no label {key}", metric.name);
    if ["outcome", "cause", "duty", "to"].contains(&key) {
        assert!(PAGE.contains(&format!("`{value}`")), "the page does not name {key} {value}");
    }
}
