//! What is left in the files of a server of what was erased, overwritten and removed.

use crate::cluster::Three;
use statewright::store::{
    Append, CellKey, Head, Kind, Outcome, Put, RecordedStep, Shard, Store, StreamId, Unit,
};
use statewright_nats::NatsStore;
use statewright_services::{Durability, Nats, NatsCluster};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Servers write to their files behind what they acknowledge.
const WRITTEN_MAX: Duration = Duration::from_secs(10);

fn holds(path: &Path, text: &str) -> bool {
    // Files come and go while it is looked.
    let Ok(about) = path.metadata() else { return false };
    if about.is_dir() {
        return fs::read_dir(path).into_iter().flatten().flatten().any(|entry| holds(&entry.path(), text));
    }
    fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

/// Looks until it is so.
async fn comes(what: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < WRITTEN_MAX {
        if what() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// A stream that holds this, and is deleted.
async fn deleted(store: &NatsStore, text: &str) -> StreamId {
    let stream = StreamId::new("acme", "Order", "gone");
    let step = |n: usize| RecordedStep { command: format!("{n} {text}").into(), ..RecordedStep::default() };
    let mut steps: Vec<_> = (0..20).map(step).collect();
    steps.push(RecordedStep { kind: Kind::Deleted, ..RecordedStep::default() });
    let append = Append { stream: stream.clone(), after: Head::default(), steps };
    let outcome = store.append(vec![append], Unit::Each).await.pop();
    assert!(matches!(outcome, Some(Outcome::Appended(_))), "{outcome:?}");
    stream
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_of_a_single_server() {
    let server = Nats::start(Durability::Process).expect("a server");
    let store = crate::place::options(&server.url(), "desk").create().await.expect("it is made");
    let stream = deleted(&store, "s3cr3t").await;
    assert!(comes(|| holds(&server.data(), "s3cr3t")).await, "it is looked for where it is");
    store.erase(&stream).await.expect("it is erased");
    assert!(comes(|| !holds(&server.data(), "s3cr3t")).await, "nothing of it is left");
}

#[tokio::test]
async fn what_a_cell_held_stays_in_a_file() {
    let server = Nats::start(Durability::Process).expect("a server");
    let store = crate::place::options(&server.url(), "desk").create().await.expect("it is made");
    let put = |value: Option<&'static str>| {
        let key = CellKey { shard: Shard(0), name: "key/1".into() };
        vec![Put { key, version: None, value: value.map(Into::into) }]
    };
    for value in [Some("s3cr3t"), Some("other"), None] {
        store.put(put(value)).await.expect("it is written");
    }
    assert!(comes(|| holds(&server.data(), "s3cr3t")).await, "as the documentation says: see `scrub`");
}

/// Replicas write down what they agree on before it is in the stream, and keep that until they have a snapshot of the stream.
#[tokio::test]
async fn what_was_erased_stays_in_what_replicas_agreed_on() {
    let three = Three::on(NatsCluster::start(3, Durability::Process).expect("there are servers")).await;
    let store = three.at(&three.cluster.nodes()[0]).await;
    let stream = deleted(&store, "s3cr3t").await;
    let folder = |node: &Nats, name: &str| node.data().join("jetstream").join(name);
    let in_streams = |node: &Nats| holds(&folder(node, "$G"), "s3cr3t");
    let in_agreed = |node: &Nats| holds(&folder(node, "$SYS"), "s3cr3t");
    for node in three.cluster.nodes() {
        assert!(comes(|| in_streams(node) && in_agreed(node)).await, "it is looked for where it is");
    }
    store.erase(&stream).await.expect("it is erased");
    for node in three.cluster.nodes() {
        assert!(comes(|| !in_streams(node)).await, "nothing of it is left in the stream");
        assert!(in_agreed(node), "as the documentation says: see `scrub`");
    }
}
