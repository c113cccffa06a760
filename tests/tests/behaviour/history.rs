//! The past, each answer held against a literal one: all records in a list, looked at second by second.

mod answers;
mod bounded;
mod edges;
mod generated;
mod life;
mod machine;
mod snapshots;
