//! Books that are lent: a machine in two releases, with what changes between them. `docs/evolution.md` walks through it.

pub mod release1;
pub mod release2;
