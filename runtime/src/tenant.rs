//! What one tenant has on a store, of every machine: listed, exported and erased.
//!
//! It runs no machine and decodes no event, so what cannot be read any more is exported and erased like all else.

mod erasure;
mod export;
mod families;
mod mark;
mod streams;
mod usage;

pub use erasure::ErasedTenant;
use erasure::broken;
pub(crate) use erasure::{Eraser, end};
pub use export::{Export, ExportError, ExportLine, ExportedRecord};
pub(crate) use mark::{are_erased, is_erased};
pub use usage::Usage;
pub(crate) use usage::count;
