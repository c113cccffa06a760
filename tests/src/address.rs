//! Instances of a tenant or of none, where a test goes through both.

use statewright::host::Handle;
use statewright::{Host, Machine};

/// An instance; the tenant is empty where there is none.
///
/// # Panics
/// No tenant has such an id.
pub fn instance<M: Machine>(host: &Host<M>, tenant: &str, id: &str) -> Handle<M> {
    match tenant {
        "" => host.instance(id),
        _ => host.tenant(tenant).expect("an id").instance(id),
    }
}
