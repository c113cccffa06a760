//! Behind pgbouncer: every transaction goes over whichever connection is free, and there are fewer of these than of handles.

use crate::failures::{grow, grow_by_two, revision};
use crate::place::{client_at, unique};
use statewright::store::Store;
use statewright::store::conformance::Place;
use statewright_postgres::Options;
use statewright_services::{Durability, Pgbouncer, Postgres};
use std::sync::{Arc, OnceLock};

/// Connections to the server.
const POOL: u16 = 4;

const HANDLES: usize = 12;

fn pooler() -> &'static Pgbouncer {
    static POOLER: OnceLock<Pgbouncer> = OnceLock::new();
    POOLER.get_or_init(|| {
        let server = Postgres::start(Durability::Process).expect("there is a server");
        server.behind_pgbouncer(POOL).expect("there is a pooler")
    })
}

/// A store in a schema of its own, made and opened through the pooler.
pub(crate) struct Pooled(String);

impl Pooled {
    fn options(&self) -> Options {
        Options::from_url(&pooler().url()).expect("it parses").schema(&self.0).pooler(true)
    }
}

impl Place for Pooled {
    async fn fresh() -> Self {
        let place = Self(unique("pooled"));
        place.options().create().await.expect("it is made");
        place
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.options().open().await.expect("it opens"))
    }

    /// The server goes with the process.
    async fn remove(self) {}
}

/// What was prepared or set on a connection would be missed on the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_handles_share_few_connections() {
    let place = Arc::new(Pooled::fresh().await);
    let handles = (0..HANDLES).map(|n| {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let (store, name) = (place.open().await, format!("i-{n}"));
            for _ in 0..10 {
                grow(&*store, &name, 1).await;
                grow_by_two(&*store, &name).await;
            }
            assert_eq!(revision(&*store, &name).await, 30);
            store
        })
    });
    let mut open = Vec::new();
    for handle in handles.collect::<Vec<_>>() {
        open.push(handle.await.expect("it goes on"));
    }
    let direct = client_at(&pooler().server().url()).await;
    let counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'statewright'";
    let counted: i64 = direct.query_one(counted, &[]).await.expect("it is counted").get(0);
    assert!((1..=i64::from(POOL)).contains(&counted), "{counted} connections of {HANDLES} handles");
}

/// What a pooler that ends takes along is lost, and the handle goes on behind the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_killed_is_survived() {
    let server = Postgres::start(Durability::Process).expect("there is a server");
    let pooler = server.behind_pgbouncer(POOL).expect("there is a pooler");
    let options = Options::from_url(&pooler.url()).expect("it parses").pooler(true);
    options.create().await.expect("it is made");
    let store = options.open().await.expect("it opens");
    grow(&store, "a", 1).await;
    pooler.kill().expect("it runs");
    let error = store.end(statewright::store::Shard(0)).await.expect_err("nobody is there");
    assert!(error.is_retryable(), "{error:?}");
    pooler.restart().expect("it starts again");
    grow(&store, "a", 2).await;
    assert_eq!(revision(&store, "a").await, 3);
}
