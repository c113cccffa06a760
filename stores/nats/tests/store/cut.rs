//! Three nodes of which one is cut off under load and mended again, from everybody or from its peers alone: every
//! acknowledged step stands there once, and every client goes on while it is cut off.
//!
//! Needs network namespaces; where none can be made, nothing is cut off, which under CI is a failure.

use crate::cluster::{STEPS, Three};
use statewright::store::{
    Append, Head, Outcome, Record, RecordedStep, Revision, Shard, Store, StreamId, Unit,
};
use statewright_nats::NatsStore;
use statewright_services::{Durability, Nats, NatsApart, Network, ServiceError};
use std::time::{Duration, Instant};

/// Steps of every writer while a node is cut off.
const EACH: u64 = 10;

async fn three() -> Option<Three<NatsApart>> {
    let network = match Network::new(3) {
        Ok(network) => network,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            println!("no node is cut off: {error}");
            return None;
        }
    };
    Some(Three::on(NatsApart::start(network, Durability::Process).expect("there are servers")).await)
}

type Cut = fn(&NatsApart, &Nats) -> Result<(), ServiceError>;

/// A node that leads, or one that follows, is cut off until all clients go on without it.
async fn under_load(what: &str, leads: bool, cut: Cut) {
    let Some(three) = three().await else { return };
    let load = three.load().await;
    let (leader, followers) = three.roles().await;
    let victim = if leads { leader } else { followers[0] };
    let client = three.at(victim).await;
    cut(&three.cluster, victim).expect("its links are there");
    load.all_go_on(EACH).await;
    load.goes_on(STEPS).await;
    assert!(!client.streams(Shard(0), None, 1).await.expect("it is asked elsewhere").is_empty());
    assert!(client.statistics().reconnects > 0, "who was connected to it is no more");
    three.cluster.mend(victim).expect("its links are there");
    println!("{what}: {:?}", three.finish(load).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_a_leader_that_is_cut_off() {
    under_load("the leader was cut off", true, NatsApart::cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_a_follower_that_is_cut_off() {
    under_load("a follower was cut off", false, NatsApart::cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_a_leader_that_only_clients_reach() {
    under_load("the leader was cut off from its peers", true, NatsApart::cut_from_peers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_a_follower_that_only_clients_reach() {
    under_load("a follower was cut off from its peers", false, NatsApart::cut_from_peers).await;
}

/// A client that reaches nobody but a leader of the past, which does not know it yet: nothing is acknowledged there, and
/// nothing is read that is older than what was acknowledged elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_of_the_past_acknowledges_nothing_and_tells_nothing() {
    let Some(three) = three().await else { return };
    let (leader, followers) = three.roles().await;
    let (past, present) = (three.at(leader).await, three.at(followers[0]).await);
    let old = append(&present, Head::default(), "first").await.expect("all are there");
    assert_eq!(past.head(&id()).await.expect("all are there"), old);
    three.cluster.cut_from_peers(leader).expect("its link is there");
    let new = loop {
        match append(&present, old, "second").await {
            // Now, or before its answer was lost.
            Ok(head) | Err(Outcome::Conflict(head)) => break head,
            Err(Outcome::Unknown(_) | Outcome::Refused(_)) => {}
            Err(other) => panic!("nobody else writes: {other:?}"),
        }
    };
    for follower in &followers {
        three.cluster.cut_from_clients(follower).expect("its link is there");
    }
    let began = Instant::now();
    let mut acknowledged = 0;
    while began.elapsed() < PAST {
        if let Ok(head) = past.head(&id()).await {
            assert_eq!(head, new, "what is read is not older than what was acknowledged");
        }
        for (after, command) in [(old, "lost"), (new, "late")] {
            match append(&past, after, command).await {
                Ok(_) => acknowledged += 1,
                Err(Outcome::Unknown(_) | Outcome::Refused(_)) => {}
                Err(Outcome::Conflict(head)) => assert!(head != after, "{command}"),
                Err(other) => panic!("{command}: {other:?}"),
            }
        }
    }
    assert_eq!(acknowledged, 0);
    for node in three.cluster.cluster().nodes() {
        three.cluster.mend(node).expect("its links are there");
    }
    let (records, head) = read(&past).await;
    let commands: Vec<_> = records.iter().map(|record| &*record.step.command).collect();
    assert!(commands == ["first", "second"] || commands == ["first", "second", "late"], "{commands:?}");
    append(&past, head, "last").await.expect("all are there again");
}

/// As long as a leader takes at the most to know that it leads no more.
const PAST: Duration = Duration::from_secs(20);

fn id() -> StreamId {
    StreamId::new("acme", "Order", "cut")
}

async fn append(store: &NatsStore, after: Head, command: &str) -> Result<Head, Outcome> {
    let steps = vec![RecordedStep { command: command.into(), ..RecordedStep::default() }];
    match store.append(vec![Append { stream: id(), after, steps }], Unit::Each).await.remove(0) {
        Outcome::Appended(head) => Ok(head),
        other => Err(other),
    }
}

/// When they are all there again.
async fn read(store: &NatsStore) -> (Vec<Record>, Head) {
    loop {
        if let Ok(read) = store.read(&id(), Revision(0), 10).await {
            return read;
        }
    }
}
