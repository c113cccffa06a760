//! Whether one schema reads what another wrote, to the same meaning.
//!
//! *To the same meaning*: everything that was written is accepted, and nothing of it is dropped. So a field may be
//! added if it may be absent and may not go; a whole number may become wider and not narrower; a variant may be added
//! and may not go. What cannot be known is not readable: the answer errs on that side alone.

mod fields;
mod untagged;
mod variants;

use super::{Int, Schema, Tagging};
use std::fmt;

/// Why what was written is not read to the same meaning.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Incompatible {
    /// Where: `lines[].qty`, `prices{}`, `by.Card`, `*` for what is flattened; empty for the whole.
    pub path: String,
    /// Why.
    pub why: Why,
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => self.why.fmt(f),
            path => write!(f, "`{path}`: {}", self.why),
        }
    }
}

/// What is wrong at the place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Another form; both are canonical texts.
    #[error("`{old}` was written, `{new}` is read")]
    Form {
        /// What was written.
        old: String,
        /// What is read now.
        new: String,
    },
    /// What was written is not read any more.
    #[error("`{old}` was written, and nothing reads it now")]
    Gone {
        /// What was written.
        old: String,
    },
    /// What must be there was not written, or not always.
    #[error("`{new}` must be there, and was not always written")]
    Needed {
        /// What is read now.
        new: String,
    },
    /// What was written under two keys is read into one.
    #[error("two of what is written are read as this one")]
    Twice,
    /// What was written as something else would be taken for this.
    #[error("`{new}` may take what was written as `{old}`")]
    Mistaken {
        /// What was written.
        old: String,
        /// What it is taken for.
        new: String,
    },
    /// `serde` does not read it where it holds a value back: in variants with a tag among their fields or none, and in
    /// what is flattened.
    #[error("`serde` does not read `{new}` inside what is flattened, untagged or tagged within")]
    HeldBack {
        /// What is read now.
        new: String,
    },
    /// A part whose keys are not known beside another flattened part.
    #[error("beside a flattened part whose keys are not known nothing else can be flattened")]
    Unknown,
}

impl Incompatible {
    fn new(why: Why) -> Self {
        Self { path: String::new(), why }
    }

    fn inside(mut self, segment: &str) -> Self {
        self.path.insert_str(0, segment);
        self
    }

    /// A path begins with a name, not with the dot before it.
    fn whole(mut self) -> Self {
        if self.path.starts_with('.') {
            self.path.remove(0);
        }
        self
    }

    fn within(self, name: &str) -> Self {
        self.inside(&format!(".{name}"))
    }
}

impl Schema {
    /// Whether it reads, to the same meaning, whatever `old` describes.
    ///
    /// # Errors
    /// The first place where it does not.
    pub fn reads(&self, old: &Schema) -> Result<(), Incompatible> {
        reads((self, old), Place::Direct).map_err(Incompatible::whole)
    }
}

/// How `serde` comes to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It reads it as it comes.
    Direct,
    /// It has held it back first, to look for a tag, a variant or a key.
    HeldBack,
}

/// The new schema, and the old.
type Pair<'a> = (&'a Schema, &'a Schema);

fn reads(pair: Pair<'_>, place: Place) -> Result<(), Incompatible> {
    use Schema::{
        Array, Bool, Char, Checked, Enum, Float, Format, Int, List, Map, Maybe, Null, Opaque, Personal, Set,
        Struct, Text, Tuple,
    };
    let item = |pair: Pair<'_>| reads(pair, place).map_err(|wrong| wrong.inside("[]"));
    match pair {
        (Checked(new_name, new), Checked(old_name, old)) if new_name == old_name => reads((new, old), place),
        // What is inside is read for itself, when it is opened.
        (Personal(new), Personal(old)) => reads((new, old), Place::Direct),
        (Maybe(new), Maybe(old)) => reads((new, old), place),
        (Maybe(new), old) => reads((new, old), place),
        (new, Checked(_, old)) if !matches!(new, Checked(..)) => reads((new, old), place),
        (Int(new), Int(_)) if new.bits == 128 && place == Place::HeldBack => {
            Err(Incompatible::new(Why::HeldBack { new: pair.0.to_string() }))
        }
        (Int(new), Int(old)) if new.holds(*old) => Ok(()),
        (Float(new), Float(old)) if new >= old => Ok(()),
        (Null, Null) | (Bool, Bool) | (Char, Char) | (Text, Text | Char | Format(_)) => Ok(()),
        (Format(new), Format(old)) | (Opaque(new), Opaque(old)) if new == old => Ok(()),
        (List(new), List(old) | Set(old) | Array(old, _)) | (Set(new), Set(old)) => item((new, old)),
        (Array(new, len), Array(old, old_len)) if len == old_len => item((new, old)),
        (List(new), Tuple(old)) => old.iter().try_for_each(|old| item((new, old))),
        (Array(new, len), Tuple(old)) if *len == old.len() => old.iter().try_for_each(|old| item((new, old))),
        (Tuple(new), Array(old, len)) if new.len() == *len => new.iter().try_for_each(|new| item((new, old))),
        (Tuple(new), Tuple(old)) if new.len() == old.len() => tuple((new, old), place),
        (Map(new_key, new), Map(old_key, old)) => {
            key((new_key, old_key), place).map_err(|wrong| wrong.inside("{key}"))?;
            reads((new, old), place).map_err(|wrong| wrong.inside("{}"))
        }
        (Struct(new), Struct(old)) => fields::read((new, old), place),
        (Enum(Tagging::Untagged, new), Enum(Tagging::Untagged, old)) => untagged::read((new, old)),
        (Enum(new_tagging, new), Enum(old_tagging, old)) if new_tagging == old_tagging => {
            variants::read((new, old), *new_tagging, place)
        }
        (new, old) => Err(form(new, old)),
    }
}

fn form(new: &Schema, old: &Schema) -> Incompatible {
    Incompatible::new(Why::Form { old: old.to_string(), new: new.to_string() })
}

fn tuple((new, old): (&[Schema], &[Schema]), place: Place) -> Result<(), Incompatible> {
    let mut pairs = new.iter().zip(old).enumerate();
    pairs.try_for_each(|(at, pair)| reads(pair, place).map_err(|wrong| wrong.within(&at.to_string())))
}

/// A key is a string in JSON; `serde` makes a number of it only where it has not held it back.
fn key(pair: Pair<'_>, place: Place) -> Result<(), Incompatible> {
    match pair.0 {
        Schema::Int(_) | Schema::Float(_) | Schema::Bool if place == Place::HeldBack => {
            Err(Incompatible::new(Why::HeldBack { new: format!("map{{{}: …}}", pair.0) }))
        }
        Schema::Checked(_, new) if place == Place::HeldBack => {
            key((new, new), place).and_then(|()| reads(pair, place))
        }
        _ => reads(pair, place),
    }
}

impl Int {
    /// Whether every number of the other is one of these.
    fn holds(self, other: Self) -> bool {
        let wide = match (self.signed, other.signed) {
            (true, false) => self.bits > other.bits,
            (false, true) => false,
            _ => self.bits >= other.bits,
        };
        wide && (other.nonzero || !self.nonzero)
    }
}
