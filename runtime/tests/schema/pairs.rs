//! Every type against every type: what `reads` promises, `serde` keeps.

use crate::json::{is_described, is_kept};
use crate::samples::{Source, Type};
use crate::{enums, structs};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::Value;

fn types() -> impl Iterator<Item = &'static Type> + Clone {
    structs::TYPES.iter().chain(enums::TYPES)
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// Types that do not read all that they write themselves, and the rule that says so.
const NOT_THEIR_OWN: &[(&str, &str)] = &[
    ("Unread", "`seen`: `bool` was written, and nothing reads it now"),
    ("FlatWide", "`big`: `serde` does not read `u128` inside what is flattened, untagged or tagged within"),
    (
        "FlatNumbers",
        "`*{key}`: `serde` does not read `map{u32: …}` inside what is flattened, untagged or tagged within",
    ),
    ("FlatTwice", "`n`: two of what is written are read as this one"),
    ("FlatFree", "beside a flattened part whose keys are not known nothing else can be flattened"),
    ("Unread", "`Cheque`: `null` was written, and nothing reads it now"),
    (
        "KindOfMaps",
        "`Wide.by{key}`: `serde` does not read `map{u32: …}` inside what is flattened, untagged or tagged within",
    ),
    ("KindOfPaidToo", "`Twice.kind`: two of what is written are read as this one"),
    (
        "KindOfHuge",
        "`Huge.big`: `serde` does not read `u128` inside what is flattened, untagged or tagged within",
    ),
    ("LooseFloats", "`Whole`: `f64` may take what was written as `u64`"),
    ("SmallFirst", "`Large`: `{a: u32}` may take what was written as `{a: u32, b: u32}`"),
    ("LooseStruct", "`List`: `{n: u32}` may take what was written as `[u32]`"),
];

#[test]
fn a_type_reads_itself_or_says_why_not() {
    let wrong = types().filter_map(|ty| Some((ty.name, ty.schema.reads(&ty.schema).err()?.to_string())));
    let wrong: Vec<_> = wrong.collect();
    let expected: Vec<_> = NOT_THEIR_OWN.iter().map(|(name, why)| (*name, (*why).to_owned())).collect();
    assert_eq!(wrong, expected);
}

/// The property below would hold of an answer that is always no.
#[test]
fn many_pairs_are_readable() {
    let readable = types().flat_map(|new| types().map(move |old| (new, old)));
    let readable =
        readable.filter(|(new, old)| new.name != old.name && new.schema.reads(&old.schema).is_ok());
    let readable = readable.count();
    assert!(readable >= 150, "{readable}");
}

/// A value that a type wrote, and what another type does to it.
fn is_read_and_kept(new: &Type, json: &str) -> Result<(), String> {
    let again = (new.rewrite)(json).map_err(|error| error.to_string())?;
    if is_kept(&parsed(json), &parsed(&again)) { Ok(()) } else { Err(again) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_says_what_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        // `Value` keeps one of two keys with one name.
        for ty in types().filter(|ty| !["FlatTwice", "KindOfPaidToo"].contains(&ty.name)) {
            let Some(json) = (ty.write)(&mut Source(&bytes)) else { continue };
            prop_assert!(is_described(&ty.schema, &parsed(&json)), "{}: {} is not {}", ty.name, json, ty.schema);
        }
    }

    #[test]
    fn what_is_readable_is_read_and_kept(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        for old in types() {
            let Some(json) = (old.write)(&mut Source(&bytes)) else { continue };
            for new in types().filter(|new| new.schema.reads(&old.schema).is_ok()) {
                if let Err(found) = is_read_and_kept(new, &json) {
                    prop_assert!(false, "{} reads {}: {} became {}", new.name, old.name, json, found);
                }
            }
        }
    }
}

/// The oracle refuses what others write: it can fail.
#[test]
fn a_schema_says_no_more_than_what_is_written() {
    let bytes: Vec<u8> = (0..40).map(|n| 255 - n * 5).collect();
    let mut told = (0, 0);
    for (schema, ty) in types().flat_map(|one| types().map(move |other| (one.schema, other))) {
        let Some(json) = (ty.write)(&mut Source(&bytes)) else { continue };
        told.0 += usize::from(is_described(&schema, &parsed(&json)));
        told.1 += 1;
    }
    assert!(told.0 * 8 < told.1, "{told:?}");
}

/// What is called unreadable is so for a reason: for most such pairs a value is at hand that is not read, or not kept.
#[test]
fn what_is_not_readable_is_mostly_lost() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bytes = proptest::collection::vec(any::<u8>(), 40);
    let mut drawn = || bytes.new_tree(&mut runner).expect("bytes").current();
    let sources: Vec<Vec<u8>> = (0..60).map(|_| drawn()).collect();
    let (mut lost, mut all) = (0, 0);
    for (new, old) in types().flat_map(|new| types().map(move |old| (new, old))) {
        if new.schema.reads(&old.schema).is_ok() {
            continue;
        }
        let mut written = sources.iter().filter_map(|bytes| (old.write)(&mut Source(bytes)));
        lost += usize::from(written.any(|json: String| is_read_and_kept(new, &json).is_err()));
        all += 1;
    }
    assert!(lost * 100 >= all * 98, "{lost} of {all}");
}
