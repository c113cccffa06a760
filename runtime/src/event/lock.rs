//! Events held against the lock while the program is compiled: what has been released is still read, and means what it
//! meant. Used by generated code only.
//!
//! Everything here is evaluated by the compiler; a message is what it panics with.

mod message;

pub use message::Message;

use super::proof::is_same;
use message::Text;

/// A version of an event, and all before it that have types.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// Its number.
    pub version: u32,
    /// The canonical text of its schema.
    pub schema: &'static str,
    /// Whether fields may be added that old events need not have.
    pub compatible: bool,
    /// The version before.
    pub before: Option<&'static Chain>,
}

/// An event that a machine lists.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The name under which it is recorded.
    pub name: &'static str,
    /// The oldest version that is still read.
    pub oldest: u32,
    /// Its newest version.
    pub chain: &'static Chain,
}

/// What a machine with a `lock` has to be locked, its states aside.
#[derive(Clone, Copy, Debug)]
pub struct Lockable {
    /// The file beside `Cargo.toml`.
    pub file: &'static str,
    /// The events that it lists.
    pub events: &'static [Listed],
    /// Its effects: name, and canonical text of the schema.
    pub effects: &'static [(&'static str, &'static str)],
}

/// Something that has been released: an effect, or a version of an event.
#[derive(Clone, Copy, Debug)]
pub struct Released {
    /// Its name.
    pub name: &'static str,
    /// The event's version.
    pub version: u32,
    /// The canonical text of its schema then.
    pub schema: &'static str,
}

/// What is wrong with an event, if anything is.
pub const fn check_event(listed: &Listed, released: &[Released]) -> Message {
    let mut at = 0;
    while at < released.len() {
        let found = &released[at];
        if is_same(listed.name.as_bytes(), found.name.as_bytes()) {
            let message = check_version(listed, found);
            if !message.is_empty() {
                return message;
            }
        }
        at += 1;
    }
    Message::new()
}

const fn check_version(listed: &Listed, released: &Released) -> Message {
    let version =
        Message::new().text("lock_broken: version ").number(released.version).text(" of `").text(listed.name);
    if released.version > listed.chain.version {
        return version
            .text("` was released, and the newest here is ")
            .number(listed.chain.version)
            .text("\nhelp: versions never go back: undo the change, or raise `version` above it");
    }
    let Some(chain) = find(listed.chain, released.version) else {
        if released.version >= listed.oldest {
            return Message::new();
        }
        return version
            .text("` was released, and is read no more\nhelp: keep its type and name it with `from`, or lift it: `retired(")
            .number(released.version)
            .text(", upcast = function)`");
    };
    let changed = difference(released.schema.as_bytes(), chain.schema.as_bytes(), chain.compatible);
    match changed {
        None => Message::new(),
        Some((then, now)) => version
            .text("` has changed since it was released: then `")
            .bytes(then)
            .text("`, now `")
            .bytes(now)
            .text("`\nhelp: bump the version, keep the old type with `from`, and write the upcast"),
    }
}

const fn find(newest: &'static Chain, version: u32) -> Option<&'static Chain> {
    let mut chain = newest;
    while chain.version != version {
        match chain.before {
            Some(before) => chain = before,
            None => return None,
        }
    }
    Some(chain)
}

/// What is wrong with an effect, if anything is.
pub const fn check_effect(name: &'static str, schema: &'static str, released: &Released) -> Message {
    if !is_same(name.as_bytes(), released.name.as_bytes()) {
        return Message::new();
    }
    match difference(released.schema.as_bytes(), schema.as_bytes(), true) {
        None => Message::new(),
        Some((then, now)) => Message::new()
            .text("lock_broken: effect `")
            .text(name)
            .text("` has changed since it was released: then `")
            .bytes(then)
            .text("`, now `")
            .bytes(now)
            .text("`\nhelp: one that was recorded may still wait to be done: give the new form a name of its own"),
    }
}

/// What is wrong if a released event is neither listed nor retired.
pub const fn check_gone(released: &str, listed: &[Listed], retired: &[&str]) -> Message {
    let mut at = 0;
    while at < listed.len() {
        if is_same(released.as_bytes(), listed[at].name.as_bytes()) {
            return Message::new();
        }
        at += 1;
    }
    at = 0;
    while at < retired.len() {
        if is_same(released.as_bytes(), retired[at].as_bytes()) {
            return Message::new();
        }
        at += 1;
    }
    Message::new()
        .text("lock_broken: event `")
        .text(released)
        .text("` was released, and is listed no more\nhelp: list its type in `events`, or say what becomes of it: `retired \"")
        .text(released)
        .text("\" => drop` or `=> split function`")
}

/// The first field that is not what it was: then and now. Of what is no object the whole.
const fn difference(then: Text, now: Text, compatible: bool) -> Option<(Text, Text)> {
    if is_same(then, now) {
        return None;
    }
    let (Some(old), Some(new)) = (fields(then), fields(now)) else { return Some((then, now)) };
    if let Some((old, new)) = changed(old, new) {
        return Some((old, new));
    }
    let mut rest = new;
    while !rest.is_empty() {
        let (field, behind) = next(rest);
        if lookup(old, key(field)).is_none() && !(compatible && may_be_absent(field)) {
            return Some((b"nothing", field));
        }
        rest = behind;
    }
    // What differs lies in the order alone, or was added compatibly.
    None
}

/// The first old field that is gone or another.
const fn changed(old: Text, new: Text) -> Option<(Text, Text)> {
    let mut rest = old;
    while !rest.is_empty() {
        let (field, behind) = next(rest);
        match lookup(new, key(field)) {
            Some(found) if is_same(found, field) => {}
            Some(found) => return Some((field, found)),
            None => return Some((field, b"nothing")),
        }
        rest = behind;
    }
    None
}

const fn lookup(fields: Text, wanted: Text) -> Option<Text> {
    let mut rest = fields;
    while !rest.is_empty() {
        let (field, behind) = next(rest);
        if is_same(key(field), wanted) {
            return Some(field);
        }
        rest = behind;
    }
    None
}

/// What stands between the braces of an object.
const fn fields(text: Text) -> Option<Text> {
    match text {
        [b'{', inner @ .., b'}'] => Some(inner),
        _ => None,
    }
}

/// The first field, up to a comma outside all brackets, and what stands behind it.
const fn next(fields: Text) -> (Text, Text) {
    let (mut at, mut depth) = (0, 0);
    while at < fields.len() {
        match fields[at] {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth -= 1,
            b',' if depth == 0 => {
                let (field, behind) = fields.split_at(at);
                let skipped = if behind.len() > 1 && behind[1] == b' ' { 2 } else { 1 };
                return (field, behind.split_at(skipped).1);
            }
            _ => {}
        }
        at += 1;
    }
    (fields, b"")
}

/// The field's name, without the marks behind it.
const fn key(field: Text) -> Text {
    let mut at = 0;
    while at < field.len() && !matches!(field[at], b':' | b'?' | b'!' | b'~' | b'|') {
        at += 1;
    }
    field.split_at(at).0
}

/// Whether old events need not have it: `note?: string`, or `note: string?`, which reads `null` for what is absent.
const fn may_be_absent(field: Text) -> bool {
    let mut at = key(field).len();
    while at < field.len() && field[at] != b':' {
        if field[at] == b'?' {
            return true;
        }
        if field[at] == b'!' {
            return false;
        }
        at += 1;
    }
    matches!(field, [.., b'?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Chain = Chain { version: 1, schema: "{cents: u64}", compatible: false, before: None };
    const V2: Chain = Chain {
        version: 2,
        schema: "{at: timestamp, cents: u64, note?: string}",
        compatible: true,
        before: Some(&V1),
    };
    const PAID: Listed = Listed { name: "order.paid", oldest: 1, chain: &V2 };

    fn said(version: u32, schema: &'static str) -> String {
        let released = [
            Released { name: "other", version: 9, schema },
            Released { name: "order.paid", version, schema },
        ];
        check_event(&PAID, &released).as_str().to_owned()
    }

    #[test]
    fn what_was_released_is_what_it_was() {
        for (version, schema) in [
            (1, "{cents: u64}"),
            (2, "{at: timestamp, cents: u64, note?: string}"),
            (2, "{cents: u64, at: timestamp}"),
        ] {
            assert_eq!(said(version, schema), "", "{schema}");
        }
    }

    #[test]
    fn what_has_changed_is_shown_as_it_was_and_as_it_is() {
        for (version, schema, expected) in [
            (1, "{cents: u32}", "then `cents: u32`, now `cents: u64`"),
            (1, "{by: string, cents: u64}", "then `by: string`, now `nothing`"),
            (1, "{}", "then `nothing`, now `cents: u64`"),
            (1, "u64", "then `u64`, now `{cents: u64}`"),
            (2, "{at: timestamp, cents: u64, note: string}", "then `note: string`, now `note?: string`"),
            (
                2,
                "{at: [{a: u8, b: (u8, u8)}], cents: u64}",
                "then `at: [{a: u8, b: (u8, u8)}]`, now `at: timestamp`",
            ),
            (3, "{}", "the newest here is 2"),
            (0, "{}", "`retired(0, upcast = function)`"),
        ] {
            let said = said(version, schema);
            assert!(said.contains(expected), "{schema}: {said}");
        }
    }

    #[test]
    fn what_is_gone_is_retired_or_missed() {
        let gone = |name| check_gone(name, &[PAID], &["order.note"]).as_str().to_owned();
        assert_eq!((gone("order.paid"), gone("order.note")), (String::new(), String::new()));
        assert!(gone("order.sent").contains("`retired \"order.sent\" => drop`"));
    }

    #[test]
    fn an_effect_that_waits_is_still_understood() {
        let released = Released { name: "Charge", version: 0, schema: "{cents: u64}" };
        let said = |name, schema| check_effect(name, schema, &released).as_str().to_owned();
        assert_eq!(
            (said("Mail", "{}"), said("Charge", "{cents: u64, why: string?}")),
            (String::new(), String::new())
        );
        assert!(said("Charge", "{cents: u64, why!: string?}").contains("now `why!: string?`"));
    }
}
