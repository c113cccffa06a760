//! The NATS store keeps the contract, refuses what it is not sound on, and survives what happens to clusters.

mod cluster;
#[cfg(target_os = "linux")]
mod cut;
mod disk;
mod place;
mod refusals;
mod traps;

statewright::conformance!(network crate::place::OnServer);
