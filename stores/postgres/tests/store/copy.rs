//! From SQLite to PostgreSQL and back: the same records, and the same sum over them.

use crate::failures::{grow, grow_by_two};
use crate::place::Schema;
use statewright::copy;
use statewright::store::Store;
use statewright::store::conformance::Place;
use statewright_sqlite::SqliteStore;
use std::sync::Arc;

const STREAMS: usize = 60;

#[tokio::test]
async fn what_moves_from_sqlite_and_back_is_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = |name: &str| Arc::new(SqliteStore::open(folder.path().join(name)).expect("a file"));
    let (old, back, place) = (open("old.db"), open("back.db"), Schema::fresh().await);
    for n in 0..STREAMS {
        // Ids as they come.
        let name = format!("{n}/\u{0}\u{1f510}'\"");
        grow(&*old, &name, 1 + (n % 5) as u64).await;
        grow_by_two(&*old, &name).await;
    }
    let there: Arc<dyn Store> = place.open().await;
    let out = copy(Arc::clone(&old), Arc::clone(&there));
    out.catch_up().await.expect("it follows");
    grow(&*old, "late", 3).await;
    out.cut_over().await.expect("it moves");
    let verified = out.verify().await.expect("it is the same");
    assert_eq!(verified.streams, 1 + STREAMS as u64);

    let home = copy(there, Arc::clone(&back));
    home.cut_over().await.expect("it moves back");
    home.verify().await.expect("it is the same");
    assert_eq!(copy(old, back).verify().await.expect("it is the same"), verified);
    place.remove().await;
}
