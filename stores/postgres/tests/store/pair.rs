//! A primary with a synchronous standby: the primary is killed under load, the standby takes its place, and the handles go on.

use statewright::store::Store;
use statewright::store::conformance::load::Load;
use statewright_postgres::Options;
use statewright_services::{Durability, PostgresPair};
use std::sync::Arc;
use std::time::Duration;

const WRITERS: usize = 16;

/// Steps that are acknowledged before and behind the kill.
const STEPS: u64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_primary() {
    let pair = PostgresPair::start(Durability::Full).expect("there are servers");
    let options = || {
        let options = Options::from_url(&pair.url()).expect("it parses");
        options.call_timeout(Duration::from_secs(2)).connect_timeout(Duration::from_secs(1))
    };
    options().create().await.expect("it is made");
    let mut handles: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..WRITERS / 4 {
        let handle: Arc<dyn Store> = Arc::new(options().open().await.expect("it opens"));
        handles.extend(std::iter::repeat_n(handle, 4));
    }
    let load = Load::start(handles);
    load.goes_on(STEPS).await;
    pair.primary().kill().expect("it runs");
    pair.promote().expect("it takes its place");
    load.goes_on(STEPS).await;
    let report = load.finish(&options().open().await.expect("it opens")).await;
    println!("the primary was killed: {report:?}");
}
