//! Objects with known keys: every key that was written is read, and every key that must be there was written.

use super::{Incompatible, Place, Why, reads};
use crate::event::schema::{Field, Reading, Schema, Tagging, Written};

/// The keys of an object, those of flattened structs among them.
#[derive(Default)]
pub(super) struct Keys<'a> {
    /// Each with the place in which it is read.
    known: Vec<(&'a Field, Place)>,
    /// Flattened parts whose keys are not known.
    rests: Vec<&'a Schema>,
    flattened: usize,
}

impl<'a> Keys<'a> {
    pub(super) fn of(fields: &'a [Field], place: Place) -> Self {
        let mut keys = Self::default();
        keys.collect(fields, place);
        keys
    }

    fn collect(&mut self, fields: &'a [Field], place: Place) {
        for field in fields {
            self.flattened += usize::from(field.flatten);
            match &field.schema {
                Schema::Struct(inner) if field.flatten => self.collect(inner, Place::HeldBack),
                rest if field.flatten => self.rests.push(rest),
                _ => self.known.push((field, place)),
            }
        }
    }

    fn names(&self) -> Vec<&'a str> {
        self.known.iter().map(|(field, _)| field.name).collect()
    }

    /// A key that two fields write, or a field and a flattened part.
    fn written_twice(&self) -> Option<&'a str> {
        let names = self.names();
        let again = |(at, name): (usize, &&'a str)| names[..at].contains(name).then_some(*name);
        let twice = names.iter().enumerate().find_map(again);
        twice.or_else(|| self.rests.iter().flat_map(|rest| names_of(rest)).find(|name| names.contains(name)))
    }

    /// Whether objects with these keys lack one that must be there: then nobody takes them for `self`.
    pub(super) fn needs_more_than(&self, old: &Self) -> bool {
        let missing = |field: &Field| !old.known.iter().any(|(old, _)| is_written_for(old, field));
        old.rests.is_empty()
            && self.known.iter().any(|(field, _)| field.read == Reading::Required && missing(field))
    }
}

/// The keys of what is written in place of a key, as far as they are known.
pub(super) fn names_of(rest: &Schema) -> Vec<&str> {
    match rest {
        Schema::Maybe(of) | Schema::Checked(_, of) => names_of(of),
        Schema::Struct(fields) => Keys::of(fields, Place::HeldBack).names(),
        Schema::Enum(tagging, variants) => {
            let contents = variants.iter().filter_map(|variant| variant.content.as_ref());
            match tagging {
                Tagging::External => variants.iter().map(|variant| variant.name).collect(),
                Tagging::Internal(tag) => contents.flat_map(names_of).chain([*tag]).collect(),
                Tagging::Adjacent(tag, content) => vec![tag, content],
                Tagging::Untagged => contents.flat_map(names_of).collect(),
            }
        }
        _ => Vec::new(),
    }
}

fn is_written_for(old: &Field, new: &Field) -> bool {
    old.written != Written::Never && new.is_read_as(old.name)
}

pub(super) fn read((new, old): (&[Field], &[Field]), place: Place) -> Result<(), Incompatible> {
    let (new, old) = (Keys::of(new, place), Keys::of(old, place));
    if let Some(name) = old.written_twice().or_else(|| new.written_twice()) {
        return Err(Incompatible::new(Why::Twice).within(name));
    }
    for (field, _) in old.known.iter().filter(|(field, _)| field.written != Written::Never) {
        written(field, &new).map_err(|wrong| wrong.within(field.name))?;
    }
    for (field, _) in &new.known {
        needed(field, &old).map_err(|wrong| wrong.within(field.name))?;
    }
    rests(&new, &old)
}

fn written(old: &Field, new: &Keys<'_>) -> Result<(), Incompatible> {
    let Some((field, place)) = new.known.iter().find(|(field, _)| field.is_read_as(old.name)) else {
        return Err(Incompatible::new(Why::Gone { old: old.schema.to_string() }));
    };
    reads((&field.schema, &old.schema), *place)
}

fn needed(new: &Field, old: &Keys<'_>) -> Result<(), Incompatible> {
    let mut writers = old.known.iter().filter(|(field, _)| is_written_for(field, new));
    let writer = writers.next();
    if writers.next().is_some() {
        return Err(Incompatible::new(Why::Twice));
    }
    let always = writer.is_some_and(|(field, _)| field.written == Written::Always);
    if new.read == Reading::Required && !always {
        return Err(Incompatible::new(Why::Needed { new: new.schema.to_string() }));
    }
    Ok(())
}

/// A part whose keys are not known takes every key that nobody else knows.
fn rests(new: &Keys<'_>, old: &Keys<'_>) -> Result<(), Incompatible> {
    match (new.rests.as_slice(), old.rests.as_slice()) {
        ([], []) => Ok(()),
        ([], [rest, ..]) => Err(Incompatible::new(Why::Gone { old: rest.to_string() }).within("*")),
        ([rest, ..], []) => Err(Incompatible::new(Why::Needed { new: rest.to_string() }).within("*")),
        (_, _) if new.flattened > 1 || old.flattened > 1 => Err(Incompatible::new(Why::Unknown)),
        ([new_rest, ..], [old_rest, ..]) => {
            let known = |name: &str| old.known.iter().any(|(field, _)| field.name == name);
            for (field, _) in new.known.iter().filter(|(field, _)| field.read != Reading::Never) {
                if !known(field.name) || !field.aliases.iter().all(|alias| known(alias)) {
                    let wrong = Why::Mistaken { old: old_rest.to_string(), new: field.schema.to_string() };
                    return Err(Incompatible::new(wrong).within(field.name));
                }
            }
            reads((new_rest, old_rest), Place::HeldBack).map_err(|wrong| wrong.within("*"))
        }
    }
}
