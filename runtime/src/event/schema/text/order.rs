//! The order of names, by their bytes: a constant has no list to sort, so that name is looked for which comes next.
//!
//! What is derived is in order already, and then nothing is looked for: the compiler bounds the length of an
//! evaluation, and an enum of all countries must fit.

use crate::event::schema::{Field, Schema, Variant};

/// Whether all keys are known here and each comes behind the one before.
pub(super) const fn are_fields_in_order(fields: &[Field]) -> bool {
    let mut before: Option<&str> = None;
    let mut at = 0;
    while at < fields.len() {
        match (fields[at].flatten, &fields[at].schema) {
            (true, Schema::Struct(_)) => return false,
            (true, _) => {}
            (false, _) if !is_behind(fields[at].name, before) => return false,
            (false, _) => before = Some(fields[at].name),
        }
        at += 1;
    }
    true
}

/// Whether each comes behind the one before.
pub(super) const fn are_variants_in_order(variants: &[Variant]) -> bool {
    let mut at = 1;
    while at < variants.len() {
        if !is_behind(variants[at].name, Some(variants[at - 1].name)) {
            return false;
        }
        at += 1;
    }
    true
}

/// The field whose name comes next, those of flattened structs among them.
pub(super) const fn next_field<'a>(fields: &'a [Field], behind: Option<&str>) -> Option<&'a Field> {
    let mut next: Option<&Field> = None;
    let mut at = 0;
    while at < fields.len() {
        let found = match (fields[at].flatten, &fields[at].schema) {
            (true, Schema::Struct(inner)) => next_field(inner, behind),
            (true, _) => None,
            (false, _) => Some(&fields[at]),
        };
        if let Some(found) = found {
            let nearer = match next {
                Some(next) => is_behind(next.name, Some(found.name)),
                None => true,
            };
            if nearer && is_behind(found.name, behind) {
                next = Some(found);
            }
        }
        at += 1;
    }
    next
}

/// The variant whose name comes next.
pub(super) const fn next_variant<'a>(variants: &'a [Variant], behind: Option<&str>) -> Option<&'a Variant> {
    let mut next: Option<&Variant> = None;
    let mut at = 0;
    while at < variants.len() {
        let found = &variants[at];
        let nearer = match next {
            Some(next) => is_behind(next.name, Some(found.name)),
            None => true,
        };
        if nearer && is_behind(found.name, behind) {
            next = Some(found);
        }
        at += 1;
    }
    next
}

/// Whether a name comes behind another; every name comes behind nothing.
const fn is_behind(name: &str, other: Option<&str>) -> bool {
    let Some(other) = other else { return true };
    let (name, other) = (name.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < name.len() && at < other.len() {
        if name[at] != other[at] {
            return name[at] > other[at];
        }
        at += 1;
    }
    name.len() > other.len()
}
