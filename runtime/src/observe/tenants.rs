//! Which tenants have a label of their own: the first ones that come, up to a bound.
//!
//! A collector keeps a series for each value of a label for ever; without a bound, callers decide how much memory that is.

use metrics::SharedString;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// What all others are called. No tenant's series: a tenant of this name is counted with them.
const OTHERS: &str = "(others)";

#[derive(Debug)]
pub(super) struct Tenants {
    max: usize,
    known: RwLock<HashSet<Arc<str>>>,
}

impl Tenants {
    pub(super) fn new(max: usize) -> Self {
        Self { max, known: RwLock::default() }
    }

    pub(super) fn label(&self, tenant: &Arc<str>) -> SharedString {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(tenant) {
            return Arc::clone(tenant).into();
        }
        if known.len() >= self.max {
            return OTHERS.into();
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.max && !known.contains(tenant) {
            return OTHERS.into();
        }
        known.insert(Arc::clone(tenant));
        Arc::clone(tenant).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_first_have_labels_of_their_own() {
        let tenants = Tenants::new(2);
        let labels = ["a", "b", "c", "a", "d", "b"].map(|tenant| tenants.label(&tenant.into()).into_owned());
        assert_eq!(labels, ["a", "b", "(others)", "a", "(others)", "b"]);
    }
}
