//! Durable statecharts that the compiler has proven.
//!
//! [`state_machine!`] declares a machine, [`EventVersion`](derive@EventVersion) its versioned events; the
//! compiler checks the graph and the chain of versions and generates typed code over this crate.
//! [`Instance`] runs a machine in memory; a host keeps many of them durable on a [`store`].
//!
//! This crate knows no database, no wire format and no clock but [`Clock`](clock::Clock).

// The suite for stores declares machines, and what the macros write names this crate as its users do.
#[cfg(feature = "conformance")]
extern crate self as statewright;

pub mod breaker;
pub mod clock;
pub mod copy;
pub mod cx;
pub mod definition;
pub mod effect;
mod engine;
pub mod error;
pub mod event;
pub mod explain;
mod fold;
pub mod history;
mod hook;
pub mod host;
pub mod instance;
pub mod lease;
pub mod limit;
pub mod machine;
pub mod observe;
pub mod personal;
pub mod projection;
pub mod replay;
pub mod repository;
pub mod stepper;
pub mod store;
pub mod subscription;
pub mod tenant;
pub mod testing;
pub mod timers;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use copy::copy;
pub use cx::Cx;
pub use definition::Definition;
pub use error::{BuildError, FireError, LoadError};
pub use explain::{Explanation, Rejection};
pub use host::{Fired, Host, Tenancy, TenantHost, Unreadable};
pub use instance::{Instance, Step};
pub use machine::Machine;
pub use personal::{KeyRing, Personal};
pub use repository::Repository;
pub use statewright_macros::{EventData, EventVersion, state_machine};

/// Holds the lock of a machine against what the machine has now; it stands in a test of the crate that declares it.
///
/// ```text
/// #[test]
/// fn the_order_is_locked() {
///     statewright::lock!(Order);
/// }
/// ```
///
/// It fails when something is not in the lock and the version of the crate is a release; see
/// [`check_lock`](testing::check_lock). `STATEWRIGHT_LOCK=update cargo test` writes the lock.
#[macro_export]
macro_rules! lock {
    ($machine:ty) => {
        $crate::testing::check_lock::<$machine>(
            ::core::env!("CARGO_MANIFEST_DIR"),
            ::core::env!("CARGO_PKG_VERSION"),
        )
    };
}

/// What a module that declares or drives machines needs.
pub mod prelude {
    pub use crate::cx::Cx;
    pub use crate::effect::{EffectAnswer, EffectCx, EffectError};
    pub use crate::error::FireError;
    pub use crate::event::{Apply, EventData, EventVersion, TryUpcast, Upcast, UpcastContext};
    pub use crate::explain::Rejection;
    pub use crate::host::{Host, TenantHost};
    pub use crate::instance::Instance;
    pub use crate::machine::{Machine, MachineState as _};
    pub use crate::personal::Personal;
    pub use statewright_macros::{EventData, EventVersion, state_machine};
}

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So is that of the page on tenants.
#[cfg(doctest)]
#[doc = include_str!("../../docs/tenants.md")]
struct Tenants;

/// So is that of the page about batches.
#[cfg(doctest)]
#[doc = include_str!("../../docs/batch.md")]
struct Batches;

/// So is that of the page on effects.
#[cfg(doctest)]
#[doc = include_str!("../../docs/effects.md")]
struct EffectsPage;

/// So is that of the page about personal data.
#[cfg(doctest)]
#[doc = include_str!("../../docs/personal-data.md")]
struct PersonalData;
