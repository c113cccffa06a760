//! Every case of `fail` says what its `.stderr` says; every case of `pass` compiles and runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn messages_are_as_recorded() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*/*.rs");
    cases.pass("pass/*.rs");
}

/// A rule has a failing case and a chapter in the book, under the same name.
#[test]
fn every_rule_has_a_case_and_a_chapter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        fs::read_dir(root.join("fail")).expect("cases").map(|entry| entry.expect("readable").file_name());
    let cases: BTreeSet<_> = folders.map(|name| name.to_string_lossy().into_owned()).collect();
    let book = fs::read_to_string(root.join("../docs/rules.md")).expect("the book has the rules");
    let source =
        fs::read_to_string(root.join("../macros/src/diagnostics.rs")).expect("the catalogue of rules");
    let rules: Vec<_> = source
        .lines()
        .filter_map(|line| {
            line.trim().split('"').nth(1).filter(|_| line.ends_with("true") || line.ends_with("false"))
        })
        .collect();
    assert_eq!(rules.len(), 22);
    for rule in rules {
        assert!(cases.contains(rule), "no failing case for `{rule}`");
        assert!(book.contains(&format!("\n## {rule}\n")), "no chapter for `{rule}`");
    }
}
