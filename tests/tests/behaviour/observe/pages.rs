//! The page `docs/metrics.md` is the tables in code.

use super::meter::PAGE;
use statewright::observe::{METRICS, MetricKind, MetricUnit, SPANS};

/// The lines of a table of the page whose first column has this beginning.
fn rows(beginning: &str) -> Vec<&'static str> {
    PAGE.lines().filter(|line| line.starts_with(&format!("| `{beginning}"))).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_lists_every_metric_as_it_is() {
    let row = |metric: &statewright::observe::Metric| {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let unit = match metric.unit {
            MetricUnit::Seconds => "seconds",
            MetricUnit::Count => "count",
        };
        let (name, labels, meaning) = (metric.name, listed(metric.labels), metric.meaning);
        format!("| `{name}` | {kind} | {unit} | {labels} | {meaning} |")
    };
    assert_eq!(rows("statewright_"), METRICS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_page_lists_every_span_as_it_is() {
    let row = |span: &statewright::observe::SpanName| {
        let level = span.level.as_str().to_ascii_lowercase();
        format!("| `{}` | {level} | {} | {} |", span.name, listed(span.fields), span.meaning)
    };
    assert_eq!(rows("statewright."), SPANS.iter().map(row).collect::<Vec<_>>());
}

/// A metric that no test of this folder names is one of which nobody knows whether it moves.
#[test]
fn every_metric_is_seen_to_move() {
    let tests = [include_str!("metrics.rs"), include_str!("shards.rs"), include_str!("admission.rs")];
    for metric in METRICS {
        assert!(tests.iter().any(|test| test.contains(metric.name)), "{}", metric.name);
    }
}
