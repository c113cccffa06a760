//! Variants without a tag: the first that fits is taken, so none before the right one may fit.

use super::fields::Keys;
use super::{Incompatible, Place, Why, reads};
use crate::event::schema::{Schema, Tagging, Variant};

pub(super) fn read((new, old): (&[Variant], &[Variant])) -> Result<(), Incompatible> {
    let mut written = old.iter().filter(|variant| variant.written);
    written.try_for_each(|old| variant(new, old).map_err(|wrong| wrong.within(old.name)))
}

fn variant(new: &[Variant], old: &Variant) -> Result<(), Incompatible> {
    let old = old.content.unwrap_or(Schema::Null);
    for new in new.iter().filter(|variant| variant.read) {
        let new = new.content.unwrap_or(Schema::Null);
        if reads((&new, &old), Place::HeldBack).is_ok() {
            return Ok(());
        }
        if may_take(&new, &old) {
            return Err(Incompatible::new(Why::Mistaken { old: old.to_string(), new: new.to_string() }));
        }
    }
    Err(Incompatible::new(Why::Gone { old: old.to_string() }))
}

/// Whether `serde` may take something of `old` for `new` and drop or change it.
fn may_take(new: &Schema, old: &Schema) -> bool {
    match (new, old) {
        // A number that fits is the same number, a character is the same character.
        (Schema::Int(_), Schema::Int(_) | Schema::Float(_)) | (Schema::Char, Schema::Text) => false,
        (Schema::Struct(new), Schema::Struct(old)) => {
            let (new, old) = (Keys::of(new, Place::HeldBack), Keys::of(old, Place::HeldBack));
            !new.needs_more_than(&old)
        }
        _ => read_kinds(new) & written_kinds(old) != 0,
    }
}

const NULL: u8 = 1;
const BOOL: u8 = 2;
const NUMBER: u8 = 4;
const STRING: u8 = 8;
const ARRAY: u8 = 16;
const OBJECT: u8 = 32;
const ANY: u8 = 63;

/// The kinds of JSON that are written.
fn written_kinds(schema: &Schema) -> u8 {
    match schema {
        Schema::Null => NULL,
        Schema::Bool => BOOL,
        Schema::Int(_) | Schema::Float(_) => NUMBER,
        Schema::Char | Schema::Text | Schema::Format(_) => STRING,
        Schema::Checked(_, of) => written_kinds(of),
        Schema::Maybe(of) => NULL | written_kinds(of),
        Schema::List(_) | Schema::Set(_) | Schema::Array(..) | Schema::Tuple(_) => ARRAY,
        Schema::Enum(Tagging::External, _) => STRING | OBJECT,
        Schema::Enum(Tagging::Untagged, variants) => kinds_of(variants, written_kinds),
        Schema::Map(..) | Schema::Struct(_) | Schema::Enum(..) | Schema::Personal(_) => OBJECT,
        Schema::Opaque(_) => ANY,
    }
}

/// The kinds of JSON that `serde` tries to read: an array for a struct, and something empty for nothing, too.
fn read_kinds(schema: &Schema) -> u8 {
    match schema {
        Schema::Null => NULL | ARRAY | OBJECT,
        Schema::Checked(_, of) => read_kinds(of),
        Schema::Maybe(of) => NULL | read_kinds(of),
        Schema::Struct(_) | Schema::Enum(Tagging::Internal(_) | Tagging::Adjacent(..), _) => ARRAY | OBJECT,
        Schema::Enum(Tagging::Untagged, variants) => kinds_of(variants, read_kinds),
        other => written_kinds(other),
    }
}

fn kinds_of(variants: &[Variant], kinds: fn(&Schema) -> u8) -> u8 {
    variants.iter().fold(0, |all, variant| all | kinds(&variant.content.unwrap_or(Schema::Null)))
}
