//! Cases by hand: two machines and the lines between them.

mod arms;
mod names;
mod states;

use super::written::machine;
use crate::diff::Severity;

/// What both versions have in common, the old one's rest, the new one's rest, and the beginnings of the lines.
type Case<'c> = (&'c str, &'c str, &'c str, &'c [&'c str]);

#[track_caller]
fn check(cases: &[Case<'_>]) {
    for (common, old, new, expected) in cases {
        let [old, new] = [old, new].map(|rest| machine(&format!("{common} {rest}")));
        let diff = old.diff(&new);
        let text = if diff.is_empty() { String::new() } else { diff.to_string() };
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{text}\nexpected {expected:#?}");
        for (line, begin) in lines.iter().zip(*expected) {
            assert!(line.starts_with(begin), "{text}\nexpected {begin}");
        }
        for change in &diff.changes {
            let advised = change.to_string().contains(": ");
            assert_eq!(advised, change.severity > Severity::Safe, "{change}");
        }
        assert_eq!(diff.worst(), diff.changes.first().map(|change| change.severity));
        #[cfg(feature = "json")]
        fits_the_schema(&diff);
    }
}

/// Every key that the schema asks for and no other, and words that it lists.
#[cfg(feature = "json")]
fn fits_the_schema(diff: &crate::diff::Diff) {
    use serde_json::Value;
    use std::collections::BTreeSet;
    let schema: Value = serde_json::from_str(include_str!("../../../diff.schema.json")).expect("JSON");
    let schema = &schema["$defs"]["change"];
    let value: Value = serde_json::from_str(&diff.to_json()).expect("JSON");
    for change in value["changes"].as_array().expect("a list") {
        let keys: BTreeSet<_> = change.as_object().expect("an object").keys().map(String::as_str).collect();
        let required = schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str);
        assert_eq!(keys, required.collect());
        for word in ["severity", "subject", "what"] {
            let known = schema["properties"][word]["enum"].as_array().expect("a list");
            assert!(known.contains(&change[word]), "{change}");
        }
    }
}

#[cfg(feature = "json")]
#[test]
fn as_json() {
    let [old, new] =
        ["state B { after 5m => A; }", ""].map(|rest| machine(&format!("initial A; state A; {rest}")));
    let value: serde_json::Value = serde_json::from_str(&old.diff(&new).to_json()).expect("JSON");
    let expected = serde_json::json!({ "changes": [{
        "severity": "breaking", "subject": "state", "what": "removed", "name": "B",
        "source": null, "old": "atomic", "new": null,
    }] });
    assert_eq!(value, expected);
}
