//! The rules about runs against brute force on small random machines.

mod flat;
mod regions;
