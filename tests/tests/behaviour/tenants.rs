//! Tenants: who is let in, what one of them has and may use, and how all of it is handed over or erased.

mod tenancy;
