//! What makes a broken chain of versions fail to compile. Used by generated code only.
//!
//! Nothing here runs: the traits and constants are looked at by the compiler alone.

use super::{EventVersion, Schema};
use std::marker::PhantomData;

/// `Self` is version `N` of its event: what the successor asks of its `from`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not version {N} of its event",
    label = "`from` must be version {N}",
    note = "version {N} must come directly before: set `version` and `from` so that no version is left out"
)]
pub trait AtVersion<const N: u32> {}

/// Asks whether `T` is version `N` of its event.
pub const fn previous<T: AtVersion<N>, const N: u32>() {}

/// Implemented by the successor for its `from`: a second successor collides by coherence.
pub trait FollowedByOneVersionOnly {
    /// The successor.
    type Next;
}

/// Finds out whether a type has a successor, by autoref: the method of `Probe<T>` is preferred to that of `&Probe<T>`.
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// Asks for `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Probe<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// `T` has a successor.
pub struct SupersededBy<Next>(PhantomData<Next>);

/// `T` has none.
pub struct Newest;

/// The method for a type with a successor.
pub trait ProbeSuperseded {
    /// The successor.
    type Next;
    /// The type of the answer is the answer.
    fn standing(&self) -> SupersededBy<Self::Next> {
        SupersededBy(PhantomData)
    }
}

impl<T: FollowedByOneVersionOnly> ProbeSuperseded for Probe<T> {
    type Next = T::Next;
}

/// The method for all others.
pub trait ProbeNewest {
    /// The type of the answer is the answer.
    fn standing(&self) -> Newest {
        Newest
    }
}

impl<T> ProbeNewest for &Probe<T> {}

/// What a listed event must be; the message names the newer type.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not the newest version of its event, it is `{Self}`",
    label = "list the newest version instead"
)]
pub trait IsNewest<T> {}

impl<T> IsNewest<T> for Newest {}

/// Asks whether the answer of a [`Probe`] is [`Newest`].
pub const fn newest<T, Standing: IsNewest<T>>(_standing: &Standing) {}

/// Two events of one machine have two names.
///
/// # Panics
/// At compile time, when they have one.
#[track_caller]
pub const fn assert_distinct(a: &str, b: &str) {
    assert!(
        !is_same(a.as_bytes(), b.as_bytes()),
        "duplicate_name: two events of this machine have one `name`; give this one another"
    );
}

/// An event that is listed is not retired.
///
/// # Panics
/// At compile time, when it is.
#[track_caller]
pub const fn assert_retired(listed: &str, name: &str) {
    assert!(
        !is_same(listed.as_bytes(), name.as_bytes()),
        "duplicate_name: this event is listed, so it is read as it is; leave the `retired` line out"
    );
}

pub(super) const fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// All versions of an event have one name.
///
/// # Panics
/// At compile time, when they have two.
#[track_caller]
pub const fn assert_same_event(previous: &str, name: &str) {
    assert!(
        is_same(previous.as_bytes(), name.as_bytes()),
        "version_misuse: this type is a version of another event: `name` and `from` do not fit"
    );
}

/// Says of an event that goes on whose its personal data is.
#[must_use]
pub fn marked<E: EventVersion>(mut event: E) -> E {
    event.mark_personal();
    event
}

/// The first event of a machine with personal data, and its field.
pub const fn first_personal(
    events: &[(&'static str, Option<&'static str>)],
) -> Option<(&'static str, &'static str)> {
    let mut at = 0;
    while at < events.len() {
        if let (event, Some(field)) = events[at] {
            return Some((event, field));
        }
        at += 1;
    }
    None
}

/// All personal data of an event stands in the fields that are marked: nobody would know whose the rest is.
///
/// # Panics
/// At compile time, when it does not.
pub const fn assert_marked(event: &Schema, marked: usize) {
    assert!(
        event.personal() == marked,
        "it holds personal data in no field marked `#[event(personal = subject)]`: lift that into a field of its own and mark it"
    );
}
