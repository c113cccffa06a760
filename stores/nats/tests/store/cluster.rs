//! Three nodes, of which the leader, a follower and in the end all are killed under load: every acknowledged step stands
//! there once, and it goes on.

use crate::place::{name, options};
use async_nats::jetstream;
use statewright::store::Store;
use statewright::store::conformance::load::{Load, LoadReport};
use statewright_nats::{NatsStore, Options};
use statewright_services::{Durability, Nats, NatsCluster};
use std::sync::Arc;

const WRITERS: usize = 16;

/// Steps that are acknowledged before and behind each trouble.
pub(crate) const STEPS: u64 = 500;

/// A cluster and a store on it.
pub(crate) struct Three<C> {
    pub(crate) cluster: C,
    pub(crate) name: String,
}

impl<C: AsRef<NatsCluster>> Three<C> {
    pub(crate) async fn on(cluster: C) -> Self {
        let three = Self { cluster, name: name() };
        three.options().create().await.expect("it is made");
        three
    }

    fn options(&self) -> Options {
        options(&self.cluster.as_ref().url(), &self.name)
    }

    /// A handle whose connection begins at this node.
    pub(crate) async fn at(&self, node: &Nats) -> NatsStore {
        options(&node.url(), &self.name).open().await.expect("it opens")
    }

    /// Writers at every node.
    pub(crate) async fn load(&self) -> Load {
        let mut handles: Vec<Arc<dyn Store>> = Vec::new();
        for node in self.cluster.as_ref().nodes().iter().cycle().take(WRITERS / 4) {
            let handle: Arc<dyn Store> = Arc::new(self.at(node).await);
            handles.extend(std::iter::repeat_n(handle, 4));
        }
        let load = Load::start(handles);
        load.goes_on(STEPS).await;
        load
    }

    pub(crate) async fn finish(&self, load: Load) -> LoadReport {
        load.goes_on(STEPS).await;
        load.finish(&self.options().open().await.expect("it opens")).await
    }

    /// The node that leads the stream of records, as this node knows.
    pub(crate) async fn leader(&self, asked: &Nats) -> Option<&Nats> {
        let client = async_nats::connect(asked.url()).await.expect("it connects");
        let stream = jetstream::new(client).get_stream(&self.name).await.ok()?;
        let leader = stream.cached_info().cluster.as_ref()?.leader.as_ref()?;
        self.cluster.as_ref().nodes().iter().find(|node| node.name() == *leader)
    }

    /// The node that leads the stream of records, and those that follow.
    pub(crate) async fn roles(&self) -> (&Nats, Vec<&Nats>) {
        let nodes = self.cluster.as_ref().nodes();
        let leader = self.leader(&nodes[0]).await.expect("one leads");
        (leader, nodes.iter().filter(|node| node.name() != leader.name()).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_leader_or_a_follower() {
    let three = Three::on(NatsCluster::start(3, Durability::Process).expect("there are servers")).await;
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
    let three = Three::on(NatsCluster::start(3, Durability::Full).expect("there are servers")).await;
    let load = three.load().await;
    for node in three.cluster.nodes() {
        node.kill().expect("it runs");
    }
    three.cluster.restart().expect("they start again");
    println!("all were killed: {:?}", three.finish(load).await);
}
