//! Variants with a tag: each that was written is there, and holds what it held.

use super::fields::names_of;
use super::{Incompatible, Place, Why, form, reads};
use crate::event::schema::{Schema, Tagging, Variant};

pub(super) fn read(
    (new, old): (&[Variant], &[Variant]),
    tagging: Tagging,
    place: Place,
) -> Result<(), Incompatible> {
    // A store may put the content in front of the tag.
    let place = if tagging == Tagging::External { place } else { Place::HeldBack };
    let mut written = old.iter().filter(|variant| variant.written);
    written.try_for_each(|old| {
        let content = old.content.as_ref().map(names_of).unwrap_or_default();
        let read = match tagging {
            Tagging::Internal(tag) if content.contains(&tag) => {
                Err(Incompatible::new(Why::Twice).within(tag))
            }
            _ => variant((new, old), place),
        };
        read.map_err(|wrong| wrong.within(old.name))
    })
}

fn variant((new, old): (&[Variant], &Variant), place: Place) -> Result<(), Incompatible> {
    let was = old.content.unwrap_or(Schema::Null);
    let Some(new) = new.iter().find(|variant| variant.is_read_as(old.name)) else {
        return Err(Incompatible::new(Why::Gone { old: was.to_string() }));
    };
    match (&new.content, &old.content) {
        (None, None) => Ok(()),
        (Some(new), Some(old)) => reads((new, old), place),
        _ => Err(form(&new.content.unwrap_or(Schema::Null), &was)),
    }
}
