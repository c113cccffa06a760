//! On disk: what was sealed stands in no file in the clear, and a destroyed key stands in none at all.

use super::*;
use statewright_sqlite::SqliteStore;
use statewright_tests::files::{bytes, holds};

/// The wrapped keys of subjects, as their cells hold them.
async fn wrapped(store: &SqliteStore) -> Vec<String> {
    let mut cells = cells(store).await;
    cells.retain(|cell| cell.key.name.starts_with("personal/key/"));
    let read = |cell: &Cell| serde_json::from_slice::<serde_json::Value>(&cell.value).expect("JSON");
    cells.iter().filter_map(|cell| read(cell)["wrapped"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file_any_more() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(SqliteStore::open(folder.path().join("stays.db")).expect("a new file"));
    let host = Host::<Stay>::builder(Arc::clone(&store))
        .effects_elsewhere()
        .personal_key(ring())
        .snapshot_every(1)
        .build()
        .await
        .expect("fine");
    // Enough for pages to be split and balanced with keys in them.
    let book_one = |n: usize| {
        let host = host.clone();
        tokio::spawn(async move {
            host.instance(&n.to_string()).fire(book(&format!("g-{n}"), NAME)).await.expect("free");
            host.instance(&n.to_string()).fire(note("tea")).await.expect("taken");
        })
    };
    for task in (0..400).map(book_one).collect::<Vec<_>>() {
        task.await.expect("it is booked");
    }
    let keys = wrapped(&store).await;
    assert_eq!(keys.len(), 400);
    let before = bytes(folder.path());
    assert!(!holds(&before, NAME), "it stands in the clear");
    assert!(holds(&before, &keys[0]), "the test finds what is there");
    for n in (0..400).step_by(5) {
        host.forget(format!("g-{n}")).await.expect("it is written");
    }
    // While the host runs, without a word of its end.
    let after = bytes(folder.path());
    let left = wrapped(&store).await;
    assert_eq!(left.len(), 320);
    for key in &keys {
        assert_eq!(holds(&after, key), left.contains(key), "a destroyed key is left, or another one is gone");
    }
    host.shutdown().await;
}
