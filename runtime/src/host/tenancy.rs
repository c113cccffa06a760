//! Whether the instances of a host belong to tenants, and which ids tenants may have.
//!
//! It knows no records: what a tenant has is asked elsewhere.

/// Most bytes of a tenant's id: it is part of every key.
pub const TENANT_BYTES_MAX: usize = 128;

/// Whether instances belong to tenants; see [`HostBuilder::tenancy`](super::HostBuilder::tenancy).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tenancy {
    /// There are no tenants: [`Host::tenant`](super::Host::tenant) is refused.
    None,
    /// An instance may belong to a tenant; [`Host::instance`](super::Host::instance) is one that does not.
    #[default]
    Optional,
    /// Every instance belongs to a tenant: the host is a [`TenantHost`](super::TenantHost), which has no other way in.
    Required,
}

/// A tenant that is not let in. Nothing was asked of the store.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// The host has no tenants.
    #[error("this host has no tenants: build it with `Tenancy::Optional`, or leave the tenant out")]
    NoTenants,
    /// The host has nothing but tenants.
    #[error("every instance of this host belongs to a tenant: say which")]
    NoTenant,
    /// The request of a tenant's batch names another tenant.
    #[error("the batch is one tenant's, and this request names another")]
    OtherTenant,
    /// An id that says nothing.
    #[error("the id of a tenant is empty")]
    Empty,
    /// An id that is too long to be part of every key.
    #[error("the id of a tenant has {bytes} bytes; at most {max} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The most there may be, [`TENANT_BYTES_MAX`].
        max: usize,
    },
    /// An id that cannot be printed as it is.
    #[error("the id of a tenant holds the control character {character:?} at byte {place}")]
    ControlCharacter {
        /// The first one.
        character: char,
        /// Where it stands.
        place: usize,
    },
}

impl Tenancy {
    /// Whether a tenant has a way in.
    ///
    /// # Errors
    /// There are no tenants, or none has such an id.
    pub(super) fn admit(self, tenant: &str) -> Result<(), TenancyError> {
        if self == Self::None {
            return Err(TenancyError::NoTenants);
        }
        check_id(tenant)
    }

    /// Whether what is asked of an instance is asked of one that may be; the tenant is empty where there is none.
    ///
    /// # Errors
    /// As [`admit`](Self::admit), or a tenant is missing.
    pub(super) fn admit_any(self, tenant: &str) -> Result<(), TenancyError> {
        match (self, tenant) {
            (Self::Required, "") => Err(TenancyError::NoTenant),
            (_, "") => Ok(()),
            _ => self.admit(tenant),
        }
    }
}

fn check_id(tenant: &str) -> Result<(), TenancyError> {
    if tenant.is_empty() {
        return Err(TenancyError::Empty);
    }
    if tenant.len() > TENANT_BYTES_MAX {
        return Err(TenancyError::TooLong { bytes: tenant.len(), max: TENANT_BYTES_MAX });
    }
    match tenant.char_indices().find(|(_, character)| character.is_control()) {
        Some((place, character)) => Err(TenancyError::ControlCharacter { character, place }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_neither_empty_nor_long_nor_unprintable() {
        let admit = |id: &str| Tenancy::Optional.admit(id);
        for fine in ["a", "acme", "../acme", "a b", "ä/ö", &"x".repeat(TENANT_BYTES_MAX)] {
            assert_eq!(admit(fine), Ok(()), "{fine}");
        }
        assert_eq!(admit(""), Err(TenancyError::Empty));
        let long = "ä".repeat(65);
        assert_eq!(admit(&long), Err(TenancyError::TooLong { bytes: 130, max: 128 }));
        for character in ['\0', '\n', '\u{7f}', '\u{85}'] {
            let refused = Err(TenancyError::ControlCharacter { character, place: 1 });
            assert_eq!(admit(&format!("a{character}b")), refused);
        }
    }

    #[test]
    fn who_has_no_tenants_and_who_has_nothing_else() {
        assert_eq!(Tenancy::None.admit("acme"), Err(TenancyError::NoTenants));
        assert_eq!(Tenancy::None.admit_any(""), Ok(()));
        assert_eq!(Tenancy::Optional.admit_any(""), Ok(()));
        assert_eq!(Tenancy::Required.admit_any(""), Err(TenancyError::NoTenant));
        assert_eq!(Tenancy::Required.admit_any("acme"), Ok(()));
    }
}
