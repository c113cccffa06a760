//! What a host tells of its work: every metric, every span, and the pages that list them.

mod admission;
mod meter;
mod metrics;
mod pages;
mod shards;
mod spans;
