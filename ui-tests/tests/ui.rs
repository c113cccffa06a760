//! Every case of `fail` says what its `.stderr` says; every case of `pass` compiles and runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn messages_are_as_recorded() {
    place_locks();
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*/*.rs");
    cases.pass("pass/*.rs");
}

/// A lock stands beside the manifest, and the cases are compiled under one of their own: their locks are put there.
fn place_locks() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
    let project = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    fs::create_dir_all(&project).expect("the folder is ours");
    let folders = ["fail/lock_broken", "pass"].map(|cases| Path::new(env!("CARGO_MANIFEST_DIR")).join(cases));
    let entries = folders.iter().flat_map(|cases| fs::read_dir(cases).expect("cases"));
    for entry in entries.map(|entry| entry.expect("readable").path()) {
        if entry.extension().is_some_and(|end| end == "lock") {
            fs::copy(&entry, project.join(entry.file_name().expect("a file"))).expect("the folder is ours");
        }
    }
    // The cases of the walk-through stand on what the first release of the loans has recorded.
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/loan.release1.lock");
    fs::copy(released, project.join("loan.lock")).expect("the folder is ours");
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
    assert_eq!(rules.len(), 24);
    for rule in rules {
        assert!(cases.contains(rule), "no failing case for `{rule}`");
        assert!(book.contains(&format!("\n## {rule}\n")), "no chapter for `{rule}`");
    }
}

/// What the book shows of a message is what is printed: every line of a block that begins with an error stands in one
/// of the recorded messages, in that order.
#[test]
fn messages_in_the_book_are_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        fs::read_dir(root.join("fail")).expect("cases").map(|entry| entry.expect("readable").path());
    let files = folders
        .flat_map(|folder| fs::read_dir(folder).expect("cases"))
        .map(|entry| entry.expect("readable").path());
    let printed: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "stderr"))
        .map(|file| fs::read_to_string(file).expect("text"))
        .collect();
    let mut shown = 0;
    for page in ["rules.md", "evolution.md"] {
        let book = fs::read_to_string(root.join("../docs").join(page)).expect("the page is there");
        let blocks = book.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("text\n"));
        for block in blocks.filter(|block| block.starts_with("error")) {
            let stands = |text: &String| {
                let mut lines = text.lines();
                block.lines().all(|line| lines.any(|printed| printed.trim_end() == line.trim_end()))
            };
            assert!(printed.iter().any(stands), "{page} shows what is not printed:\n{block}");
            shown += 1;
        }
    }
    assert!(shown > 25, "messages are missing");
}
