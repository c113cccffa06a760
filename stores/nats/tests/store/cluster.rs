//! Three nodes, of which the leader, a follower and in the end all are killed under load, and one is cut off: every
//! acknowledged step stands there once, and it goes on.

use crate::place::{name, options};
use async_nats::jetstream;
use statewright::store::Store;
use statewright::store::conformance::load::{Load, LoadReport};
use statewright_services::{Durability, Nats, NatsCluster};
use std::sync::Arc;

const WRITERS: usize = 16;

/// Steps that are acknowledged before and behind each trouble.
const STEPS: u64 = 500;

/// A cluster and a store on it.
struct Three {
    cluster: NatsCluster,
    name: String,
}

impl Three {
    async fn start(durability: Durability) -> Self {
        let three =
            Self { cluster: NatsCluster::start(3, durability).expect("there are servers"), name: name() };
        options(&three.cluster.url(), &three.name).create().await.expect("it is made");
        three
    }

    async fn load(&self) -> Load {
        let mut handles: Vec<Arc<dyn Store>> = Vec::new();
        for _ in 0..WRITERS / 4 {
            let store = options(&self.cluster.url(), &self.name).open().await.expect("it opens");
            let handle: Arc<dyn Store> = Arc::new(store);
            handles.extend(std::iter::repeat_n(handle, 4));
        }
        let load = Load::start(handles);
        load.goes_on(STEPS).await;
        load
    }

    async fn finish(&self, load: Load) -> LoadReport {
        load.goes_on(STEPS).await;
        load.finish(&options(&self.cluster.url(), &self.name).open().await.expect("it opens")).await
    }

    /// The node that leads the stream of records, and those that follow.
    async fn roles(&self) -> (&Nats, Vec<&Nats>) {
        let client = async_nats::connect(self.cluster.nodes()[0].url()).await.expect("it connects");
        let mut stream = jetstream::new(client).get_stream(&self.name).await.expect("it is there");
        let cluster = stream.info().await.expect("it is told").cluster.clone().expect("it is replicated");
        let leader = cluster.leader.expect("one leads");
        let (leads, follow): (Vec<&Nats>, Vec<&Nats>) =
            self.cluster.nodes().iter().partition(|node| node.name() == leader);
        (leads[0], follow)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_leader_or_a_follower() {
    let three = Three::start(Durability::Process).await;
    for leads in [true, false] {
        let load = three.load().await;
        let (leader, followers) = three.roles().await;
        let victim = if leads { leader } else { followers[0] };
        victim.kill().expect("it runs");
        load.goes_on(STEPS).await;
        victim.restart().expect("it starts again");
        let report = three.finish(load).await;
        println!("{} was killed: {report:?}", if leads { "the leader" } else { "a follower" });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_all_are_killed() {
    let three = Three::start(Durability::Full).await;
    let load = three.load().await;
    for node in three.cluster.nodes() {
        node.kill().expect("it runs");
    }
    three.cluster.restart().expect("they start again");
    println!("all were killed: {:?}", three.finish(load).await);
}
