//! Schemas: that they say what `serde` writes, and that what they call readable is read.
//!
//! Types with derived `serde` and derived schema, random values of each, every pair of types.

mod enums;
mod json;
mod pairs;
mod samples;
mod structs;
mod texts;
