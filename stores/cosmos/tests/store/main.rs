//! The Cosmos DB store keeps the contract, loses nothing with an answer, and tells nobody a secret.
//!
//! Without an account everything runs against the emulator that the SDK carries, in this process.

mod account;
mod batches;
mod failures;
mod host;
mod options;
mod steps;

use account::Account;

statewright::conformance!(shared Account);
