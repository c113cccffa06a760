//! Spans around the work of a host; without the feature `tracing` nothing.

#[cfg(feature = "tracing")]
mod on;
#[cfg(not(feature = "tracing"))]
#[path = "span/off.rs"]
mod on;

pub(crate) use on::Span;
