//! The canonical texts, at run time and in constants, and what is said of two that do not fit.

use crate::{enums, structs};
use serde::{Deserialize, Serialize};
use statewright::event::schema::{Field, Tagging, Variant, as_text, hash, text_len, write_text};
use statewright::event::{EventData, Schema};
use statewright::prelude::*;

const TEXTS: &[(&str, &str)] = &[
    ("Empty", "{}"),
    ("NonZero", "{n: nonzero u32}"),
    ("MaybeNoted", "{n: u32, note: string?}"),
    ("DefaultNoted", "{n: u32, note?: string}"),
    ("AllDefault", "{n?: u64, note: string?, urgent?: bool}"),
    ("Aliased", "{count|n: u64}"),
    ("Camel", "{type: string, unitPrice: u32}"),
    ("Kebab", "{UNIT-PRICE: u32, odd%2c%20%7bname%7d%20100%25: bool}"),
    ("LeftOut", "{n: u32, note~: string?}"),
    ("EmptyLeftOut", "{n: u32, tags?~: [string]}"),
    ("Skipping", "{unwritten legacy?: bool, n: u32}"),
    ("Unread", "{n: u32, unread seen: bool}"),
    ("FlatAliased", "{count|n: u64, note: string?}"),
    ("FlatMap", "{n: u32, ..map{string: u32}}"),
    ("LineSet", "{lines: set[u32]}"),
    ("Triple", "{lines: [u32; 3]}"),
    ("Duo", "{lines: (u32, string)}"),
    ("Prices", "{by: map{u32: {n: u32}}}"),
    ("Times", "{on: date, slept: {nanos: u32, secs: u64}, took: duration}"),
    ("Around", "u32"),
    ("Through", "u32?"),
    ("Held", "{n!: u32?}"),
    ("HeldThrough", "{n: u32?}"),
    ("Free", "{any: opaque json, at: opaque std.net.IpAddr, nothing: null}"),
    ("Closed", "opaque Closed"),
    ("Via", "{n: u32}"),
    ("Even", "Even(u32)"),
    ("Paid", "enum{Bank: {cents: u32, iban: string}, Card: u32, Cash, Split: (u32, u32), Void: ()}"),
    ("CasedToo", "enum{handed-over|handed_over: {late?: bool, signedBy: string}, on-the-way|on_the_way}"),
    ("Unwritten", "enum{Cash, unwritten Voucher}"),
    ("Kind", "enum(kind){Placed: {street: string, zip: u32}, Plain, Small: {n: u32}}"),
    ("Beside", "enum(t, c){One: u32, Plain, Some: {n: u32?}, Two: (u32, string)}"),
    ("Loose", "untagged{u32, string, [u32], null}"),
];

fn schema(name: &str) -> Schema {
    let mut types = structs::TYPES.iter().chain(enums::TYPES);
    types.find(|ty| ty.name == name).expect("a type under test").schema
}

#[test]
fn texts_are_as_documented() {
    for (name, text) in TEXTS {
        assert_eq!(schema(name).to_string(), *text, "{name}");
    }
}

/// Whoever splits a text at depth zero finds its fields, and a file with a line for each holds it.
#[test]
fn a_text_is_one_line_with_brackets_in_balance() {
    for ty in structs::TYPES.iter().chain(enums::TYPES) {
        let text = ty.schema.to_string();
        assert!(!text.contains(['\n', '\r', '"']), "{text}");
        let depth = text.chars().try_fold(0_u32, |depth, c| match c {
            '{' | '[' | '(' => Some(depth + 1),
            '}' | ']' | ')' => depth.checked_sub(1),
            _ => Some(depth),
        });
        assert_eq!(depth, Some(0), "{text}");
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct Paid {
    cents: u64,
    by: enums::Way,
    #[event(opaque)]
    note: Option<String>,
}

const SCHEMA: Schema = <Paid as EventData>::SCHEMA;
const BYTES: [u8; text_len(&SCHEMA)] = write_text(&SCHEMA);

#[test]
fn a_text_is_a_constant() {
    assert_eq!(Paid::SCHEMA_TEXT, "{by: enum{Rail, Road}, cents: u64, note: opaque Option%3cString%3e}");
    assert_eq!(as_text(&BYTES), Paid::SCHEMA_TEXT);
    assert_eq!(SCHEMA.to_string(), Paid::SCHEMA_TEXT);
    let paid = Paid { cents: 1, by: enums::Way::Road, note: None };
    assert_eq!((paid.cents, paid.by, paid.note), (1, enums::Way::Road, None));
}

/// Whoever writes a schema by hand need not know the order.
#[test]
fn a_text_is_sorted_whatever_the_order_of_the_fields() {
    const FIELDS: &[Field] = &[Field::new::<u8>("b"), Field::new::<u8>("ab"), Field::new::<u8>("a")];
    const VARIANTS: &[Variant] = &[Variant::new("B", None), Variant::new("A", None)];
    assert_eq!(Schema::Struct(FIELDS).to_string(), "{a: u8, ab: u8, b: u8}");
    assert_eq!(Schema::Enum(Tagging::External, VARIANTS).to_string(), "enum{A, B}");
}

/// 512 names of three letters, in order.
const NAMES: [u8; 512 * 3] = {
    let letters = b"ABCDEFGH";
    let mut names = [0; 512 * 3];
    let mut at = 0;
    while at < 512 {
        names[at * 3] = letters[at / 64];
        names[at * 3 + 1] = letters[at / 8 % 8];
        names[at * 3 + 2] = letters[at % 8];
        at += 1;
    }
    names
};

static LARGE: [Variant; 512] = {
    let mut variants = [Variant::new("", None); 512];
    let mut at = 0;
    while at < 512 {
        variants[at] = Variant::new(as_text(&NAMES).split_at(at * 3).1.split_at(3).0, None);
        at += 1;
    }
    variants
};

/// The compiler bounds how long a constant may take: this one compiles.
#[test]
fn a_large_enum_has_a_text_in_a_constant() {
    const COUNTRIES: Schema = Schema::Enum(Tagging::External, &LARGE);
    const BYTES: [u8; text_len(&COUNTRIES)] = write_text(&COUNTRIES);
    let text = as_text(&BYTES);
    assert!(text.starts_with("enum{AAA, AAB, ") && text.ends_with(", HHH}"), "{text}");
}

/// Stable for ever: what was hashed by one build is compared by another.
#[test]
fn a_hash_is_that_of_the_text() {
    const HASH: u64 = hash(&Schema::Bool);
    assert_eq!(HASH, 0xcd2f_d49b_c6b0_14bd);
    assert_ne!(hash(&schema("Narrow")), hash(&schema("Wide")));
}

#[test]
fn the_order_of_fields_does_not_matter() {
    assert_eq!(hash(&schema("Flat")), hash(&schema("MaybeNoted")));
}

/// The new type, the old, and what is said.
const SAID: &[(&str, &str, &str)] = &[
    ("Narrow", "Wide", "`n`: `u64` was written, `u32` is read"),
    ("Narrow", "Noted", "`note`: `string` was written, and nothing reads it now"),
    ("Noted", "Narrow", "`note`: `string` must be there, and was not always written"),
    ("Narrow", "Maybe", "`n`: `u32?` was written, `u32` is read"),
    ("Narrow", "Renamed", "`count`: `u32` was written, and nothing reads it now"),
    ("Aliased", "TwoNames", "`count`: two of what is written are read as this one"),
    ("Tagged", "EmptyLeftOut", "`tags`: `[string]` must be there, and was not always written"),
    ("Held", "Empty", "`n`: `u32?` must be there, and was not always written"),
    ("FlatMapNoted", "FlatMap", "`note`: `string?` may take what was written as `map{string: u32}`"),
    ("Lines", "WideLines", "`lines[].n`: `u64` was written, `u32` is read"),
    ("LineSet", "Numbers", "`lines`: `[u64]` was written, `set[u32]` is read"),
    ("Duo", "WideDuo", "`lines.0`: `u64` was written, `u32` is read"),
    ("Prices", "WidePrices", "`by{key}`: `u64` was written, `u32` is read"),
    ("Id", "Text", "`c`: `string` was written, `uuid` is read"),
    ("Even", "Around", "`u32` was written, `Even(u32)` is read"),
    ("Free", "Known", "`at`: `ip` was written, `opaque std.net.IpAddr` is read"),
    ("PaidOnce", "Paid", "`Bank`: `{cents: u32, iban: string}` was written, and nothing reads it now"),
    ("Paid", "PaidToo", "`Bank.cents`: `u64` was written, `u32` is read"),
    (
        "OtherTag",
        "Kind",
        "`enum(kind){Placed: {street: string, zip: u32}, Plain, Small: {n: u32}}` was written, `enum(type){Plain, Small: {n: u32}}` is read",
    ),
    ("Loose", "LooseToo", "`Number`: `u64` was written, and nothing reads it now"),
];

#[test]
fn what_does_not_fit_is_named() {
    for (new, old, said) in SAID {
        let wrong = schema(new).reads(&schema(old)).expect_err(new);
        assert_eq!(wrong.to_string(), *said, "{new} reads {old}");
    }
}
