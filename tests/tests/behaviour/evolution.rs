//! What the first release has recorded is read by the second one, from the file that it wrote.

use statewright::Host;
use statewright_sqlite::SqliteStore;
use statewright_tests::loan::release2::{Card, Loan, LoanState, LoanTrigger};
use statewright_tests::loan::{release1, release2};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/loans.release1.sqlite")
}

fn card(readers: &[(&str, u32)], shelf: u32, fines: u64, notes: &[&str]) -> Card {
    let readers = readers.iter().map(|(reader, days)| ((*reader).to_owned(), *days)).collect();
    Card { readers, shelf, fines, notes: notes.iter().map(|note| (*note).to_owned()).collect() }
}

#[tokio::test]
async fn the_second_release_reads_what_the_first_has_recorded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("loans.db");
    fs::copy(recorded(), &file).expect("it is in the tree");
    read(&file).await;
}

/// The file in the tree is one that the code of the first release still writes.
#[tokio::test]
async fn the_first_release_still_writes_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("loans.db");
    let written = Command::new(env!("CARGO_BIN_EXE_first_release")).arg(&file).status().expect("it runs");
    assert!(written.success());
    read(&file).await;
}

async fn read(file: &Path) {
    let store = SqliteStore::open(file).expect("a file of an older program opens");
    let host = Host::<Loan>::builder(store).build().await.expect("fine");
    let expected = [
        ("shelved", LoanState::Shelved, card(&[("ann", 14), ("bob", 14)], 8, 0, &[])),
        ("reserved", LoanState::Shelved, card(&[("ann", 14)], 3, 0, &[])),
        ("out", LoanState::Out, card(&[("eve", 14)], 0, 0, &[])),
        ("missing", LoanState::Missing, card(&[("bob", 14)], 0, 0, &[])),
        ("lost", LoanState::Missing, card(&[("eve", 14)], 0, 900, &["given up"])),
        ("found", LoanState::Out, card(&[("ann", 14)], 0, 900, &["given up", "found"])),
    ];
    for (book, state, card) in expected {
        let loaded = host.repository().load(&host.repository().stream("", book)).await.expect(book);
        assert_eq!((loaded.instance.state(), loaded.instance.data()), (state, &card), "{book}");
    }
    let fired =
        host.instance("lost").fire(LoanTrigger::Find).await.expect("it goes on under the name of today");
    assert_eq!((fired.from, fired.to), (LoanState::Missing, LoanState::Shelved));
    host.shutdown().await;
}

#[test]
fn both_releases_are_locked() {
    statewright::lock!(release1::Loan);
    statewright::lock!(release2::Loan);
}
