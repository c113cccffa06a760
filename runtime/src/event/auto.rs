//! How one version is made from the one before field by field, for `#[event(auto)]`. Used by generated code only.
//!
//! The derive of a newer type cannot see the fields of the older one, so each version gives its parts away by the hash
//! of their names, and a part that is not there is a trait that is not implemented: the message stands at the field.

use super::{UpcastContext, UpcastError};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

/// Stands for a struct where variants are named.
pub const STRUCT: u64 = 0;

/// The parts of one variant of an old version, or of a struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}`, the version before, has no variant of this name",
    label = "nothing becomes it",
    note = "a variant that is new says `#[event(added)]`, one that was called otherwise `#[event(renamed_from = \"…\")]`"
)]
pub trait VariantParts<const NAME: u64> {
    /// Its fields, each to be taken once.
    type Parts;
}

/// A field of an old version, in a variant or in a struct. Its type is a parameter, so that it may be a private one.
#[diagnostic::on_unimplemented(
    message = "`{Self}`, the version before, has no field of this name to fill it from",
    label = "cannot be filled",
    note = "if it is new, say what it is in old events: `#[event(default)]` or `#[event(default = expression)]`",
    note = "if it was called otherwise: `#[event(renamed_from = \"old_name\")]`",
    note = "if it is made of another field: `#[event(renamed_from = \"old_name\", with = function)]`"
)]
pub trait Part<const OF: u64, const NAME: u64, Type>: VariantParts<OF> {
    /// The value, once.
    fn take(parts: &mut Self::Parts) -> Option<Type>;
}

/// What is made of one variant of an old version.
#[diagnostic::on_unimplemented(
    message = "`{Old}`, the version before, has a variant without counterpart in `{Self}`: `{Parts}`",
    label = "a variant is missing",
    note = "what was recorded must be read: keep the variant, name its successor with `#[event(renamed_from = \"…\")]`, or write `impl Upcast` in place of `auto`"
)]
pub trait FromVariant<const NAME: u64, Old, Parts>: Sized {
    /// Makes it.
    ///
    /// # Errors
    /// What a function says that makes a field.
    fn from_variant(parts: Parts, cx: &UpcastContext) -> Result<Self, UpcastError>;
}

/// An old version, for any newer one that has a counterpart for each of its variants.
pub trait IntoNewer<New>: Sized {
    /// Makes the newer version.
    ///
    /// # Errors
    /// What a function says that makes a field.
    fn into_newer(self, cx: &UpcastContext) -> Result<New, UpcastError>;
}

/// A part that was taken before. The derive takes each once.
#[derive(Debug, thiserror::Error)]
#[error("a field of the version before was taken twice")]
pub struct TakenTwice;

/// Takes a part.
///
/// # Errors
/// It was taken before.
pub fn take<Old, const OF: u64, const NAME: u64, Type>(parts: &mut Old::Parts) -> Result<Type, UpcastError>
where
    Old: Part<OF, NAME, Type>,
{
    Old::take(parts).ok_or_else(|| TakenTwice.into())
}

/// Finds out how a value of one type becomes one of another, by autoref: `From` is preferred to element by element.
pub struct Carry<Old, New>(PhantomData<fn(Old) -> New>);

/// Asks for a value.
pub const fn carry_to<Old, New>(_old: &Old) -> Carry<Old, New> {
    Carry(PhantomData)
}

/// The way that was found.
pub struct Found<Old, New, Way>(PhantomData<fn(Old, Way) -> New>);

/// The whole value, by `From`.
pub struct Whole;

/// Each element, by `From`.
pub struct EachElement;

/// Not at all.
pub struct Nohow;

/// The way of types with `From`.
pub trait CarryWhole<Old, New> {
    /// The type of the answer is the answer.
    fn way(&self) -> Found<Old, New, Whole> {
        Found(PhantomData)
    }
}

impl<Old, New: From<Old>> CarryWhole<Old, New> for &&Carry<Old, New> {}

/// The way of collections.
pub trait CarryEach<Old, New> {
    /// The type of the answer is the answer.
    fn way(&self) -> Found<Old, New, EachElement> {
        Found(PhantomData)
    }
}

impl<Old: Elements<New>, New> CarryEach<Old, New> for &Carry<Old, New> {}

/// The way of all others.
pub trait CarryNohow<Old, New> {
    /// The type of the answer is the answer.
    fn way(&self) -> Found<Old, New, Nohow> {
        Found(PhantomData)
    }
}

impl<Old, New> CarryNohow<Old, New> for Carry<Old, New> {}

/// A way on which a value can be carried over.
#[diagnostic::on_unimplemented(
    message = "`{Old}`, the type of this field in the version before, does not become `{New}`",
    label = "cannot be carried over",
    note = "write `impl From<{Old}> for {New}`, or say `#[event(with = function)]`"
)]
pub trait Carries<Old, New> {
    /// Makes the newer value.
    fn carry(old: Old) -> New;
}

impl<Old, New: From<Old>> Carries<Old, New> for Whole {
    fn carry(old: Old) -> New {
        New::from(old)
    }
}

impl<Old: Elements<New>, New> Carries<Old, New> for EachElement {
    fn carry(old: Old) -> New {
        old.each()
    }
}

/// Carries a value over, the way that was found.
pub fn carry<Old, New, Way: Carries<Old, New>>(_found: &Found<Old, New, Way>, old: Old) -> New {
    Way::carry(old)
}

/// A collection whose elements become those of another.
pub trait Elements<New> {
    /// The same collection of newer elements.
    fn each(self) -> New;
}

macro_rules! elements {
    ($($of:ident)*) => { $(
        impl<Old, New: From<Old>> Elements<$of<New>> for $of<Old> {
            fn each(self) -> $of<New> {
                self.into_iter().map(New::from).collect()
            }
        }
    )* };
}

elements!(Vec VecDeque);

impl<Old, New: From<Old>> Elements<Option<New>> for Option<Old> {
    fn each(self) -> Option<New> {
        self.map(New::from)
    }
}

impl<Old, New: From<Old>> Elements<Box<New>> for Box<Old> {
    fn each(self) -> Box<New> {
        Box::new(New::from(*self))
    }
}

impl<Old, New: From<Old>, const N: usize> Elements<[New; N]> for [Old; N] {
    fn each(self) -> [New; N] {
        self.map(New::from)
    }
}

impl<Key: Ord, Old, New: From<Old>> Elements<BTreeMap<Key, New>> for BTreeMap<Key, Old> {
    fn each(self) -> BTreeMap<Key, New> {
        self.into_iter().map(|(key, old)| (key, New::from(old))).collect()
    }
}

impl<Key: Eq + Hash, Old, New: From<Old>, S: BuildHasher + Default> Elements<HashMap<Key, New, S>>
    for HashMap<Key, Old, S>
{
    fn each(self) -> HashMap<Key, New, S> {
        self.into_iter().map(|(key, old)| (key, New::from(old))).collect()
    }
}
