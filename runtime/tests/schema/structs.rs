//! Structs, in pairs that differ in one thing.

use crate::enums::{Kind, Paid, PaidToo};
use crate::samples::{Sample, Source, Type, samples};
use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

samples! {
    struct Empty {}
    struct Narrow { n: u32 }
    struct Wide { n: u64 }
    struct Signed { n: i64 }
    struct NonZero { n: NonZeroU32 }
    struct Maybe { n: Option<u32> }
    struct Boxed { n: Box<u32> }
    struct Noted { n: u32, note: String }
    struct MaybeNoted { n: u32, note: Option<Box<str>> }
    struct DefaultNoted { n: u32, #[serde(default)] note: Cow<'static, str> }
    #[derive(Default)]
    #[serde(default)]
    struct AllDefault { n: u64, note: Option<String>, urgent: bool }
    struct Renamed { #[serde(rename = "count")] n: u32 }
    struct Aliased { #[serde(rename = "count", alias = "n")] total: u64 }
    struct TwoNames { n: u32, count: u32 }
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Camel { unit_price: u32, r#type: String }
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    struct Kebab { unit_price: u32, #[serde(rename = "odd, {name} 100%")] odd: bool }
    struct LeftOut { n: u32, #[serde(skip_serializing_if = "Option::is_none")] note: Option<String> }
    struct EmptyLeftOut { n: u32, #[serde(default, skip_serializing_if = "Vec::is_empty")] tags: Vec<String> }
    struct Tagged { n: u32, tags: Vec<String> }
    struct Skipping { n: u32, #[serde(skip)] cache: u64, #[serde(skip_serializing, default)] legacy: bool }
    struct Unread { n: u32, #[serde(skip_deserializing)] seen: bool }
    struct Flat { #[serde(flatten)] inner: Narrow, note: Option<String> }
    struct FlatAliased { #[serde(flatten)] inner: Aliased, note: Option<String> }
    struct FlatWide { #[serde(flatten)] inner: Huge, n: u32 }
    struct FlatMap { n: u32, #[serde(flatten)] rest: BTreeMap<Key, u32> }
    struct FlatMapWide { n: u64, #[serde(flatten)] rest: BTreeMap<Key, u64> }
    struct FlatMapNoted { n: u32, note: Option<String>, #[serde(flatten)] rest: BTreeMap<Key, u32> }
    struct FlatNumbers { n: u32, #[serde(flatten)] rest: BTreeMap<u32, u32> }
    struct FlatMaybe { n: u32, #[serde(flatten)] inner: Option<Place> }
    struct FlatKind { note: String, #[serde(flatten)] kind: Kind }
    struct FlatTwice { n: u32, #[serde(flatten)] kind: Kind }
    struct FlatPaid { note: String, #[serde(flatten)] by: Paid }
    struct FlatPaidToo { note: String, #[serde(flatten)] by: PaidToo }
    struct FlatFree { note: Option<String>, #[serde(flatten)] any: Any }
    struct Any { #[event(opaque)] #[serde(skip_serializing_if = "Option::is_none", flatten)] any: Option<Place> }
    struct Flags { by: BTreeMap<bool, char> }
    struct FlagsToo { by: BTreeMap<bool, Option<String>> }
    struct Place { street: String, zip: u32 }
    struct Huge { big: u128, deep: i128 }
    struct Lines { lines: Vec<Narrow> }
    struct WideLines { lines: Vec<Wide> }
    struct LineSet { lines: BTreeSet<u32> }
    struct WideSet { lines: BTreeSet<u64> }
    struct Triple { lines: [u32; 3] }
    struct Numbers { lines: Vec<u64> }
    struct Duo { lines: (u32, String) }
    struct WideDuo { lines: (u64, String) }
    struct Prices { by: BTreeMap<u32, Narrow> }
    struct WidePrices { by: BTreeMap<u64, Wide> }
    struct Letter { c: char }
    struct Text { c: String }
    struct Id { c: uuid::Uuid }
    struct At { c: jiff::Timestamp }
    struct Times { on: jiff::civil::Date, took: jiff::SignedDuration, slept: std::time::Duration }
    struct Single { x: f32 }
    struct Double { x: f64 }
    struct Around(u32);
    struct AroundMaybe(Option<u32>);
    struct Pair(u32, String);
    #[serde(transparent)]
    struct Through { it: Option<u32> }
    struct Held { n: AroundMaybe }
    struct HeldThrough { n: Through }
    struct Free { #[event(opaque)] at: std::net::IpAddr, any: serde_json::Value, nothing: () }
    struct Known { at: std::net::IpAddr }
    #[event(opaque)]
    struct Closed { n: u32 }
    #[serde(from = "Narrow", into = "Narrow")]
    struct Via { n: u32, doubled: u64 }
    #[serde(try_from = "u32", into = "u32")]
    struct Even(u32)
}

impl From<Narrow> for Via {
    fn from(narrow: Narrow) -> Self {
        Self { n: narrow.n, doubled: u64::from(narrow.n) * 2 }
    }
}

impl From<Via> for Narrow {
    fn from(via: Via) -> Self {
        Self { n: via.n }
    }
}

impl TryFrom<u32> for Even {
    type Error = &'static str;
    fn try_from(n: u32) -> Result<Self, Self::Error> {
        if n.is_multiple_of(2) { Ok(Self(n)) } else { Err("it is odd") }
    }
}

impl From<Even> for u32 {
    fn from(even: Even) -> Self {
        even.0 & !1
    }
}

/// A key that no field has.
#[derive(Serialize, Deserialize, EventData, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key(String);

impl Sample for Key {
    fn pick(source: &mut Source<'_>) -> Self {
        Self(format!("key {}", String::pick(source)))
    }
}
