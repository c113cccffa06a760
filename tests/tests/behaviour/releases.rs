//! Three releases of a machine on one store: records and snapshots of the first are read by the third.

use jiff::Timestamp;
use serde_json::{Value, json};
use statewright::history::Filter;
use statewright::replay::ReplayCheck;
use statewright::store::{MemoryStore, Put, Revision, Store, StreamId};
use statewright::subscription::{Message, Start};
use statewright::{Host, Machine, Repository};
use std::num::NonZeroU64;
use std::sync::Arc;

/// Weighs parcels in grams.
mod first {
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        #[allow(dead_end)]
        pub(super) machine Parcel {
            version 1;
            data Seen;
            triggers { Weigh { grams: u32 } }
            events { Weighed }
            initial Here;
            state Here { on Weigh { grams } => stay emit Weighed { grams }; }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(super) struct Seen {
        pub(super) last: u32,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 1)]
    pub(super) struct Weighed {
        pub(super) grams: u32,
    }

    impl Apply<Weighed> for Seen {
        fn apply(&mut self, event: &Weighed) {
            self.last = event.grams;
        }
    }
}

/// Says who weighed, and counts.
mod second {
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        #[allow(dead_end)]
        pub(super) machine Parcel {
            version 2;
            data Seen;
            triggers { Weigh { grams: u32 } }
            events { Weighed }
            initial Here;
            state Here { on Weigh { grams } => stay emit Weighed { grams, by: "second".into() }; }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(super) struct Seen {
        pub(super) last: u32,
        #[serde(default)]
        pub(super) times: u32,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 1)]
    struct WeighedV1 {
        grams: u32,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 2, from = WeighedV1, auto)]
    pub(super) struct Weighed {
        pub(super) grams: u32,
        #[event(default = "nobody".into())]
        pub(super) by: String,
    }

    impl Apply<Weighed> for Seen {
        fn apply(&mut self, event: &Weighed) {
            self.last = event.grams;
            self.times += 1;
        }
    }
}

/// Says when; the event is all that has changed.
mod third {
    use jiff::Timestamp;
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        #[allow(dead_end)]
        pub(super) machine Parcel {
            version 3;
            data Seen;
            triggers { Weigh { grams: u32 } }
            events { Weighed }
            initial Here;
            state Here { on Weigh { grams } => stay emit Weighed { grams, by: "third".into(), at: cx.now() }; }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(super) struct Seen {
        pub(super) last: u32,
        #[serde(default)]
        pub(super) times: u32,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 1)]
    struct WeighedV1 {
        grams: u32,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 2, from = WeighedV1, auto)]
    struct WeighedV2 {
        grams: u32,
        #[event(default = "nobody".into())]
        by: String,
    }

    #[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
    #[event(name = "parcel.weighed", version = 3, from = WeighedV2, auto)]
    pub(super) struct Weighed {
        pub(super) grams: u32,
        pub(super) by: String,
        #[event(default = cx.recorded_at())]
        pub(super) at: Timestamp,
    }

    impl Apply<Weighed> for Seen {
        fn apply(&mut self, event: &Weighed) {
            assert!(event.at > Timestamp::UNIX_EPOCH, "the time of the record");
            self.last = event.grams;
            self.times += 1;
        }
    }
}

/// The third release with one field more in its data, and nothing else that says so.
mod careless {
    use super::third;
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        #[allow(dead_end)]
        pub(super) machine Parcel {
            version 3;
            data Seen;
            triggers { Weigh { grams: u32 } }
            events { third::Weighed }
            initial Here;
            state Here { on Weigh { grams } => stay emit third::Weighed { grams, by: "careless".into(), at: cx.now() }; }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub(super) struct Seen {
        pub(super) last: u32,
        #[serde(default)]
        pub(super) times: u32,
        #[serde(default)]
        pub(super) most: Option<u32>,
    }

    impl Apply<third::Weighed> for Seen {
        fn apply(&mut self, event: &third::Weighed) {
            self.last = event.grams;
            self.times += 1;
            self.most = self.most.max(Some(event.grams));
        }
    }
}

/// A host of a release fires, and is shut down: everything is a snapshot then.
async fn weigh<M: Machine>(store: &Arc<MemoryStore>, triggers: impl IntoIterator<Item = M::Trigger>)
where
    M::Data: Clone,
{
    let host = Host::<M>::builder(Arc::clone(store)).snapshot_every(1).build().await.expect("fine");
    for trigger in triggers {
        host.instance("p").fire(trigger).await.expect("it is taken");
    }
    host.shutdown().await;
}

async fn seen<M: Machine>(store: &Arc<MemoryStore>) -> M::Data
where
    M::Data: Clone,
{
    let host = Host::<M>::builder(Arc::clone(store)).build().await.expect("fine");
    host.instance("p").view(|parcel, _| parcel.data().clone()).await.expect("it loads")
}

async fn three_releases() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    weigh::<first::Parcel>(&store, [10, 90].map(|grams| first::ParcelTrigger::Weigh { grams })).await;
    weigh::<second::Parcel>(&store, [30, 40].map(|grams| second::ParcelTrigger::Weigh { grams })).await;
    weigh::<third::Parcel>(&store, [50; 6].map(|grams| third::ParcelTrigger::Weigh { grams })).await;
    store
}

#[tokio::test]
async fn the_third_release_reads_and_replays_what_the_first_has_recorded() {
    let store = three_releases().await;
    assert_eq!(seen::<third::Parcel>(&store).await, third::Seen { last: 50, times: 10 });
    let report = ReplayCheck::<third::Parcel>::new(store).run(|_| ()).await.expect("memory");
    assert_eq!((report.checked, report.same), (1, 1), "{report}");
}

#[tokio::test]
async fn data_that_has_grown_is_made_from_the_records_not_from_a_snapshot() {
    let store = three_releases().await;
    let grown = careless::Seen { last: 50, times: 10, most: Some(90) };
    assert_eq!(seen::<careless::Parcel>(&store).await, grown);
    weigh::<careless::Parcel>(&store, [20].map(|grams| careless::ParcelTrigger::Weigh { grams })).await;
    assert_eq!(seen::<careless::Parcel>(&store).await, careless::Seen { last: 20, times: 11, ..grown });
    assert_eq!(seen::<third::Parcel>(&store).await, third::Seen { last: 20, times: 11 }, "and back again");
}

/// History snapshots of the first release are of another shape: they are not in the way.
#[tokio::test]
async fn the_third_release_tells_the_history_of_the_first() {
    let store = Arc::new(MemoryStore::new());
    weigh::<first::Parcel>(&store, [10, 90].map(|grams| first::ParcelTrigger::Weigh { grams })).await;
    let old = Repository::<first::Parcel>::new(Arc::clone(&store));
    old.history(&old.stream("", "p")).checkpoint(NonZeroU64::MIN).await.expect("it is written");
    weigh::<second::Parcel>(&store, [30, 40].map(|grams| second::ParcelTrigger::Weigh { grams })).await;
    weigh::<third::Parcel>(&store, [50; 6].map(|grams| third::ParcelTrigger::Weigh { grams })).await;
    let repository = Repository::<third::Parcel>::new(Arc::clone(&store));
    let history = repository.history(&repository.stream("", "p"));
    for (revision, last) in [(1, 10), (2, 90), (3, 30), (4, 40), (5, 50), (10, 50)] {
        let moment = history.data_at(Revision(revision)).await.expect("it is read");
        let times = u32::try_from(revision).expect("few");
        assert_eq!(moment.instance.data(), &third::Seen { last, times });
        assert_eq!(
            history.state_at_revision(Revision(revision)).await.expect("it is read").state(),
            Some(third::ParcelState::Here)
        );
    }
    let mut replay = history.replay();
    let mut seen = Vec::new();
    while let Some(step) = replay.try_next().await.expect("it is read") {
        seen.push((step.before.data().times, step.after.data().last));
    }
    assert_eq!(seen[..4], [(0, 10), (1, 90), (2, 30), (3, 40)]);
    let mut transitions = history.transitions(Timestamp::MIN, Timestamp::MAX, 3, &Filter::new());
    let mut by = Vec::new();
    while let Some(transition) = transitions.try_next().await.expect("it is read") {
        let [third::ParcelEvent::Weighed(weighed)] = &*transition.events else { panic!("one event") };
        assert_eq!(weighed.at, transition.record.step.at);
        by.push(weighed.by.clone());
    }
    assert_eq!(by, ["nobody", "nobody", "second"]);
}

/// Subscribers are of the newest release, records of all of them.
#[tokio::test]
async fn a_subscription_of_the_third_release_hands_out_what_the_first_has_recorded() {
    let store = three_releases().await;
    let recorded: Vec<_> = read_versions(&store).await;
    assert_eq!(recorded, [1, 1, 2, 2, 3, 3, 3, 3, 3, 3]);
    let host = Host::<third::Parcel>::builder(store).build().await.expect("fine");
    let mut parcels = host.subscribe(Start::Beginning).events(["parcel.weighed"]).open().await.expect("fine");
    let mut seen = Vec::new();
    while let Message::Record(transition) = parcels.next().await.expect("it is read") {
        let [third::ParcelEvent::Weighed(weighed)] = &*transition.events else { panic!("one event") };
        assert!(weighed.by != "nobody" || weighed.at == transition.record.step.at);
        seen.push((weighed.grams, weighed.by.clone()));
    }
    let by = ["nobody", "nobody", "second", "second", "third", "third", "third", "third", "third", "third"];
    let grams = [10, 90, 30, 40, 50, 50, 50, 50, 50, 50];
    assert_eq!(seen, grams.into_iter().zip(by.map(str::to_owned)).collect::<Vec<_>>());
}

async fn read_versions(store: &Arc<MemoryStore>) -> Vec<u32> {
    let (records, _) = store.read(&StreamId::new("", "Parcel", "p"), Revision(0), 99).await.expect("memory");
    records.iter().flat_map(|record| &record.step.body.events).map(|event| event.version).collect()
}

/// Else nobody would notice that none ever is.
#[tokio::test]
async fn a_snapshot_that_fits_is_used() {
    let store = three_releases().await;
    let shard = store.shard(&StreamId::new("", "Parcel", "p"));
    for cell in store.list(shard, "snapshot/", None, 10).await.expect("memory") {
        let mut snapshot: Value = serde_json::from_slice(&cell.value).expect("JSON");
        snapshot["data"]["times"] = json!(1_000);
        let forged = snapshot.to_string().into();
        let put = Put { key: cell.key.clone(), version: None, value: Some(forged) };
        store.put(vec![put]).await.expect("memory");
    }
    assert!(seen::<third::Parcel>(&store).await.times >= 1_000, "it starts from there");
}
