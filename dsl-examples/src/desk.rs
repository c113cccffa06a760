//! The program of the incident desk: reads the log, fires one trigger for each row, reports.

pub(crate) mod arguments;
pub(crate) mod drive;
pub(crate) mod generate;
pub(crate) mod input;
pub(crate) mod keep;
pub(crate) mod past;
pub(crate) mod progress;
pub(crate) mod report;
#[cfg(feature = "otel")]
pub(crate) mod telemetry;
