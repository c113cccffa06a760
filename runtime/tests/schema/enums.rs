//! Enums of all four taggings, in pairs that differ in one thing.

use crate::samples::{Sample, Source, Type, samples};
use crate::structs::{Huge, Narrow, Place, Wide};
use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use std::collections::BTreeMap;

samples! {
    enum Paid { Cash, Card(u32), Bank { iban: String, cents: u32 }, Split(u32, u32), Void() }
    enum PaidToo { Cash, Card(u64), Bank { iban: String, cents: u64 }, Split(u64, u64), Void(), Later { days: u8 } }
    enum PaidOnce { Cash, Card(u32) }
    #[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
    enum Cased { OnTheWay, HandedOver { signed_by: String } }
    #[serde(rename_all = "kebab-case")]
    enum CasedToo {
        #[serde(alias = "on_the_way")]
        OnTheWay,
        #[serde(alias = "handed_over", rename_all = "camelCase")]
        HandedOver { signed_by: String, #[serde(default)] late: bool },
    }
    enum Unwritten { Cash, #[serde(skip_serializing)] Voucher, #[serde(skip)] Never }
    enum Unread { Cash, #[serde(skip_deserializing)] Cheque }
    #[serde(tag = "kind")]
    enum Kind { Plain, Small(Narrow), Placed { street: String, zip: u32 } }
    #[serde(tag = "kind")]
    enum KindToo { Plain, Small(Wide), Placed(Place), #[serde(other)] Other }
    #[serde(tag = "type")]
    enum OtherTag { Plain, Small(Narrow) }
    #[serde(tag = "kind")]
    enum KindOfMaps { Text(BTreeMap<String, u32>), Wide { by: BTreeMap<u32, u32> } }
    #[serde(tag = "kind")]
    enum KindOfPaid { By(PaidOnce), Not(()) }
    #[serde(tag = "kind")]
    enum KindOfPaidToo { By(Paid), Not(()), Twice(Sorted) }
    struct Sorted { kind: u32 }
    #[serde(tag = "kind")]
    enum KindOfHuge { Huge(Huge) }
    #[serde(tag = "t", content = "c")]
    enum Beside { Plain, One(u32), Two(u32, String), Some { n: Option<u32> } }
    #[serde(tag = "t", content = "c")]
    enum BesideToo { Plain, One(u64), Two(u64, String), Some { n: Option<u64> }, More(Vec<bool>) }
    #[serde(untagged)]
    enum Loose { Number(u32), Text(String), Many(Vec<u32>), None }
    #[serde(untagged)]
    enum LooseToo { Number(u64), Text(String), Many(Vec<u64>), None, Flag(bool) }
    #[serde(untagged)]
    enum LooseInts { Small(u32), Negative(i64), Letter(char), Text(String) }
    #[serde(untagged)]
    enum LooseFloats { Real(f64), Whole(u64) }
    #[serde(untagged)]
    enum SmallFirst { Small { a: u32 }, Large { a: u32, b: u32 } }
    #[serde(untagged)]
    enum LargeFirst { Large { a: u32, b: u32 }, Small { a: u32 } }
    #[serde(untagged)]
    enum LooseStruct { Struct(Narrow), List(Vec<u32>) }
    struct PaidBy { by: Paid, also: Vec<PaidOnce> }
    struct PaidByToo { by: PaidToo, also: Vec<Paid> }
    struct ByWay { by: BTreeMap<Way, u32> }
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Way { Road, Rail }
}
