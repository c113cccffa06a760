//! Cases of those who follow what many hosts record: nothing is lost, nothing comes twice, and the order is kept.

use super::Place;
use super::hosts::{FINE, TAKEN, take, tills};
use super::machine::Till;
use super::pace::{Pace, on_a_clock_that_goes};
use super::work::{Spot, spot};
use crate::clock::FakeClock;
use crate::history::Transition;
use crate::host::Host;
use crate::store::{Shard, Store};
use crate::subscription::{Consumer, Message, Start};
use std::collections::BTreeMap;
use tokio::task::JoinHandle;

const WRITERS: usize = 16;
const STEPS: u64 = 8;

/// Sixteen writers, each with an instance of its own, on the hosts in turn.
fn write(hosts: &[Host<Till>]) -> Vec<JoinHandle<()>> {
    let writer = |n: usize| {
        let till = hosts[n % hosts.len()].instance(&format!("writer-{n}"));
        tokio::spawn(async move {
            for cents in 1..=STEPS {
                till.fire(take(cents)).await.expect(TAKEN);
            }
        })
    };
    (0..WRITERS).map(writer).collect()
}

/// The last revision of each instance: whatever is handed out is the next one.
#[derive(Default)]
struct Log(BTreeMap<String, u64>);

impl Log {
    fn take(&mut self, (instance, revision): &Spot) {
        let last = self.0.entry(instance.clone()).or_default();
        *last += 1;
        assert_eq!(*revision, *last, "{instance}: each once, in order");
    }

    fn is_whole(&self) -> bool {
        self.0.len() == WRITERS && self.0.values().all(|last| *last == STEPS)
    }
}

/// Four subscribers on as many handles, while sixteen writers write on three: all see all of it, and every shard in one order.
pub async fn subscribers_on_many_handles_see_the_same<P: Place>(place: &P) {
    on_a_clock_that_goes(async |clock| {
        let (mut hosts, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            hosts.push(tills(&place.open().await, &clock).build().await.expect(FINE));
        }
        for _ in 0..4 {
            let store = place.open().await;
            let host = tills(&store, &clock).build().await.expect(FINE);
            let mut all = host.subscribe(Start::Beginning).open().await.expect("it begins");
            readers.push(tokio::spawn(async move {
                let (mut log, mut orders) = (Log::default(), BTreeMap::<Shard, Vec<Spot>>::new());
                while !log.is_whole() {
                    if let Message::Record(transition) = all.next().await.expect("it is read") {
                        let place = spot(&transition);
                        log.take(&place);
                        orders.entry(store.shard(&transition.record.stream)).or_default().push(place);
                    }
                }
                host.shutdown().await;
                orders
            }));
        }
        for writer in write(&hosts) {
            writer.await.expect("it writes");
        }
        let mut orders = Vec::new();
        for reader in readers {
            orders.push(reader.await.expect("it has read all"));
        }
        assert!(orders.windows(2).all(|two| two[0] == two[1]), "the order of a shard is everybody's");
        for host in hosts {
            host.shutdown().await;
        }
    })
    .await;
}

/// Two consumers of one name share the records of sixteen writers, and one is left when the other ends: as long as nobody dies,
/// each record is handed out once.
pub async fn consumers_of_a_name_share_what_is_recorded<P: Place>(place: &P) {
    let clock = FakeClock::default();
    let (mut hosts, mut consumers) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let host = tills(&place.open().await, &clock).build().await.expect(FINE);
        let name = host.subscribe(Start::Beginning).named("books");
        consumers.push(name.open().await.expect("it begins"));
        hosts.push(host);
    }
    let mut time = Pace::new(&place.open().await, &[&clock]);
    let writers = write(&hosts);
    let (mut log, mut taken) = (Log::default(), 0);
    while !log.is_whole() {
        if taken == WRITERS * 2 && consumers.len() == 2 {
            // What it has had goes to the other one.
            let first: Consumer<_> = consumers.remove(0);
            time.driven(first.close()).await;
        }
        let place = time.driven(one_of(&mut consumers)).await;
        log.take(&place);
        taken += 1;
    }
    for writer in writers {
        writer.await.expect("it writes");
    }
    for consumer in consumers {
        time.driven(consumer.close()).await;
    }
    for host in hosts {
        time.driven(host.shutdown()).await;
    }
}

/// The next record of whoever has one, acknowledged.
async fn one_of(consumers: &mut [Consumer<Transition<Till>>]) -> Spot {
    loop {
        let (message, place) = match consumers {
            [only] => (only.next().await, 0),
            [first, second, ..] => tokio::select! {
                message = first.next() => (message, 0),
                message = second.next() => (message, 1),
            },
            [] => unreachable!("there is one until the end"),
        };
        if let Message::Record(transition) = message.expect("it is read") {
            assert!(consumers[place].ack().await.expect("it is written").is_empty(), "nothing is lost");
            return spot(&transition);
        }
    }
}
