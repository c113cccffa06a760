//! Sends what the host tells of its work to a collector that speaks OpenTelemetry (OTLP over HTTP, as protobuf): spans by way
//! of `tracing`, metrics by way of `metrics`.
//!
//! Nothing of the host knows of it: a subscriber and a recorder are set for the whole program, and that is all.

use super::drive::Failure;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What is under way to the collector.
pub(crate) struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Begins to send, to `<collector>/v1/traces` and `<collector>/v1/metrics`. To be called where no async runtime is.
    pub(crate) fn start(collector: &str) -> Result<Self, Failure> {
        let telemetry = Self { spans: spans(collector)?, metrics: metrics(collector)? };
        // Only what the host says: what the exporter's own HTTP client says would be exported, again and again.
        let told = Targets::new().with_target("statewright", LevelFilter::DEBUG);
        let layer = tracing_opentelemetry::layer().with_tracer(telemetry.spans.tracer("statewright"));
        tracing_subscriber::registry().with(layer.with_filter(told)).try_init()?;
        Ok(telemetry)
    }

    /// Sends what is left.
    pub(crate) fn end(self) -> Result<(), Failure> {
        self.spans.shutdown()?;
        self.metrics.shutdown()?;
        Ok(())
    }
}

fn spans(collector: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter = exporter.with_endpoint(format!("{collector}/v1/traces")).build()?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(desk()).build())
}

/// Counts every ten seconds what was told, and once more at the end.
fn metrics(collector: &str) -> Result<SdkMeterProvider, Failure> {
    let exporter = MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter = exporter.with_endpoint(format!("{collector}/v1/metrics")).build()?;
    let builder = metrics_exporter_opentelemetry::Recorder::builder("statewright");
    let builder = builder
        .with_meter_provider(|provider| provider.with_periodic_exporter(exporter).with_resource(desk()));
    Ok(builder.install()?.0)
}

fn desk() -> Resource {
    Resource::builder().with_service_name("incident-desk").build()
}
