//! Records from before a field was personal: their values are lifted, carried on sealed, and not forgotten where they stand.

use super::{builder_of, cells, everything, records, ring};
use statewright::store::{MemoryStore, Store};
use statewright::{Host, Personal};
use std::sync::Arc;

/// The release that knew no personal data.
mod plain {
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        pub(super) machine Book {
            data Names;
            triggers { Sign { guest: u64, name: String }, Shut }
            events { Signed }
            initial Open;
            state Open {
                on Sign { guest, name } => stay emit Signed { guest, name };
                on Shut => Full;
            }
            final Full;
        }
    }

    #[derive(Serialize, Deserialize, Clone, Debug, Default)]
    pub(super) struct Names(Vec<String>);

    #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "book.signed", version = 1)]
    pub(super) struct Signed {
        guest: u64,
        name: String,
    }

    impl Apply<Signed> for Names {
        fn apply(&mut self, event: &Signed) {
            self.0.push(event.name.clone());
        }
    }
}

/// The release in which names are personal.
mod sealed {
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    state_machine! {
        pub(super) machine Book {
            data Names;
            triggers { Sign { guest: u64, name: String }, Thank, Shut }
            events { Signed }
            effects { Write { to: Option<Personal<String>> } }
            initial Open;
            state Open {
                on Sign { guest, name } => stay emit Signed { guest, name: Personal::new(name) };
                on Thank => stay do Write { to: data.0.first().cloned() };
                on Shut => Full;
            }
            final Full;
        }
    }

    #[derive(Serialize, Deserialize, Clone, Debug, Default)]
    pub(super) struct Names(pub(super) Vec<Personal<String>>);

    #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "book.signed", version = 1)]
    pub(super) struct SignedV1 {
        guest: u64,
        name: String,
    }

    #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "book.signed", version = 2, from = SignedV1, auto)]
    pub(super) struct Signed {
        guest: u64,
        #[event(personal = guest)]
        name: Personal<String>,
    }

    impl Apply<Signed> for Names {
        fn apply(&mut self, event: &Signed) {
            self.0.push(event.name.clone());
        }
    }
}

async fn newer(store: &Arc<MemoryStore>) -> Host<sealed::Book> {
    builder_of(store).personal_key(ring()).build().await.expect("it has a key")
}

/// A store in which the older release has recorded the name of guest 7, and the newer one that of guest 8.
async fn signed() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::with_shards(1));
    let old = Host::<plain::Book>::builder(Arc::clone(&store)).build().await.expect("it needs no key");
    let sign = plain::BookTrigger::Sign { guest: 7, name: "Ann Archer".into() };
    old.instance("hall").fire(sign).await.expect("open");
    old.shutdown().await;
    let new = newer(&store).await;
    let sign = sealed::BookTrigger::Sign { guest: 8, name: "Bo Baker".into() };
    new.instance("hall").fire(sign).await.expect("open");
    new.shutdown().await;
    store
}

async fn names(host: &Host<sealed::Book>) -> Vec<Option<String>> {
    let look = |book: &statewright::Instance<sealed::Book>, _| book.data().0.clone();
    let names = host.instance("hall").view(look).await.expect("it loads");
    names.into_iter().map(Personal::into_known).collect()
}

#[tokio::test]
async fn a_plain_value_is_lifted_and_goes_on_sealed() {
    let store = signed().await;
    let host = newer(&store).await;
    assert_eq!(names(&host).await, [Some("Ann Archer".to_owned()), Some("Bo Baker".to_owned())]);
    host.instance("hall").fire(sealed::BookTrigger::Thank).await.expect("open");
    host.instance("hall").snapshot_now().await.expect("it is written");
    host.shutdown().await;

    let old = records(&*store).await.remove(0);
    assert!(
        old.step.body.events[0].payload.get().contains("Ann Archer"),
        "what stands in the log stands there"
    );
    let effect = records(&*store).await.remove(2).step.body.effects.remove(0);
    assert!(!effect.payload.get().contains("Ann Archer"), "{effect:?}");
    let all = everything(&*store).await;
    assert_eq!(all.matches("Ann Archer").count(), 1, "the snapshot holds it sealed: {all}");
    assert!(!all.contains("Bo Baker"), "{all}");
}

#[tokio::test]
async fn a_snapshot_that_was_asked_for_is_used_and_is_forgotten_with_its_subject() {
    let store = signed().await;
    let host = newer(&store).await;
    host.instance("hall").snapshot_now().await.expect("it is written");
    host.forget(8_u64).await.expect("memory");
    host.shutdown().await;
    assert!(cells(&*store).await.iter().any(|cell| cell.key.name.starts_with("snapshot/")));

    let host = newer(&store).await;
    assert_eq!(names(&host).await, [Some("Ann Archer".to_owned()), None]);
    host.shutdown().await;
}

/// As the page says: the record holds it in the clear, so nothing can take it back but erasing.
#[tokio::test]
async fn what_an_older_version_recorded_is_not_forgotten() {
    let store = signed().await;
    let host = newer(&store).await;
    host.forget(7_u64).await.expect("memory");
    assert_eq!(names(&host).await, [Some("Ann Archer".to_owned()), Some("Bo Baker".to_owned())]);
    host.instance("hall").delete().await.expect("open");
    store.erase(&host.repository().stream("", "hall")).await.expect("memory");
    host.shutdown().await;
    assert!(!everything(&*store).await.contains("Ann Archer"));
}
