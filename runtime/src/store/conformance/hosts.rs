//! Cases of a host over a store: what its callers are promised of records, whatever copies it has and whatever became of them.
//!
//! Each shows what comes from the store. What a host decides by itself is tested with the hosts.

use super::machine::{Sum, Till, TillState, TillTrigger};
use super::pace::on_a_clock_that_goes;
use crate::clock::FakeClock;
use crate::error::FireError;
use crate::host::{BatchOptions, BatchOutcome, Eviction, Fired, Handle, Host, HostBuilder};
use crate::store::{Atomic, CellKey, Put, Revision, Store, StoreError, StreamId};
use std::sync::Arc;

pub(super) const FINE: &str = "the host is built";
pub(super) const TAKEN: &str = "the till takes it";
pub(super) const READ: &str = "the instance is read";

/// A host of tills that prints nothing.
pub(super) fn tills(store: &Arc<dyn Store>, clock: &FakeClock) -> HostBuilder<Till> {
    Host::builder(Arc::clone(store)).clock(clock.clone()).effects_elsewhere()
}

pub(super) fn take(cents: u64) -> TillTrigger {
    TillTrigger::Take { cents }
}

/// Where an instance stands.
pub(super) async fn stand(till: &Handle<Till>) -> (TillState, Sum, Revision) {
    till.view(|till, revision| (till.state(), till.data().clone(), revision)).await.expect(READ)
}

async fn revision(store: &dyn Store, stream: &StreamId) -> Revision {
    store.head(stream).await.expect("the head is read").revision
}

/// The revision that a command expects: none, that of an instance that has not begun, the one it is at, and another.
pub async fn a_command_is_recorded_where_it_is_expected(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).build().await.expect(FINE);
        let till = host.instance("a");
        let expecting = async |command: &str, revision: u64| {
            till.command(command).expect(Revision(revision)).fire(take(1)).await.map(|fired| fired.revision.0)
        };
        let refused = |answer: Result<u64, FireError>| match answer {
            Err(FireError::Conflict { expected, found, .. }) => (expected.0, found.0),
            other => panic!("it is not there: {other:?}"),
        };
        assert_eq!(refused(expecting("phantom", 3).await), (3, 0), "it has not begun");
        assert_eq!(expecting("first", 0).await.expect(TAKEN), 1);
        assert_eq!(refused(expecting("again", 0).await), (0, 1), "it has begun");
        assert_eq!(expecting("second", 1).await.expect(TAKEN), 2);
        assert_eq!(refused(expecting("stale", 1).await), (1, 2));
        assert_eq!(refused(expecting("ahead", 7).await), (7, 2));
        assert_eq!(till.fire(take(1)).await.expect(TAKEN).revision, Revision(3), "nothing is expected");
        let names: Vec<_> = (0..16).map(|n| format!("rival/{n}")).collect();
        let rivals = names.iter().map(|name| {
            let command = till.command(name).expect(Revision(3));
            tokio::spawn(async move { command.fire(take(1)).await.is_ok() })
        });
        let mut won = 0;
        for rival in rivals.collect::<Vec<_>>() {
            won += usize::from(rival.await.expect("no panic"));
        }
        assert_eq!(won, 1, "of many that expect the same one is recorded");
        // The first host's copy is old by now, and says nothing.
        let other = tills(&store, &clock).build().await.expect(FINE);
        other.instance("a").fire(take(1)).await.expect(TAKEN);
        assert_eq!(refused(expecting("old", 4).await), (4, 5));
        assert_eq!(expecting("new", 5).await.expect(TAKEN), 6);
        assert_eq!(stand(&till).await.1.cents, 6);
        for host in [host, other] {
            host.shutdown().await;
        }
    })
    .await;
}

/// A command that comes again is answered as it was the first time: by the same host, by one that has let the instance go,
/// and by one that has never seen it.
pub async fn a_command_is_recorded_once_whoever_is_asked_again(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).snapshot_every(2).build().await.expect(FINE);
        let till = host.instance("a");
        let fire = async |host: &Host<Till>, command: &str, trigger| {
            host.instance("a").command(command).record_rejection().fire(trigger).await
        };
        let told =
            |fired: &Fired<Till>| (fired.revision, fired.from, fired.to, format!("{:?}", fired.events));
        let first = fire(&host, "take", take(5)).await.expect(TAKEN);
        let second = fire(&host, "settle", TillTrigger::Settle { cents: 2 }).await.expect(TAKEN);
        let refusal = fire(&host, "late", take(1)).await.expect_err("it is settled").to_string();
        fire(&host, "reopen", TillTrigger::Reopen).await.expect("it is settled");
        for n in 0..4 {
            fire(&host, &format!("more/{n}"), take(1)).await.expect(TAKEN);
        }
        let whole = stand(&till).await;
        assert_eq!(whole.2, Revision(8));
        while till.evict() != Eviction::Evicted {
            tokio::task::yield_now().await;
        }
        let restarted = tills(&store, &clock).build().await.expect(FINE);
        for host in [&host, &host, &restarted, &restarted] {
            for (command, trigger, before) in
                [("take", take(5), &first), ("settle", TillTrigger::Settle { cents: 2 }, &second)]
            {
                let again = fire(host, command, trigger).await.expect("it is known");
                assert!(again.duplicate);
                assert_eq!(told(&again), told(before));
            }
            assert_eq!(fire(host, "late", take(1)).await.expect_err("it was refused").to_string(), refusal);
            let reused = fire(host, "take", TillTrigger::Reopen).await.expect_err("the id is taken");
            assert!(
                matches!(reused, FireError::CommandIdReused { revision: Revision(1), .. }),
                "the id stands for another trigger: {reused}"
            );
            assert_eq!(stand(&host.instance("a")).await, whole, "nothing was recorded");
        }
        for host in [host, restarted] {
            host.shutdown().await;
        }
    })
    .await;
}

/// What a trigger raises is part of its step, and steps that are one are recorded together or not at all.
pub async fn what_is_one_for_a_host_is_one_in_the_store(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).build().await.expect(FINE);
        let fired = host.instance("a").fire(TillTrigger::Settle { cents: 3 }).await.expect(TAKEN);
        assert_eq!((fired.revision, fired.to, fired.events.len()), (Revision(1), TillState::Settled, 2));
        let stream = |instance: &str| host.repository().stream("", instance);
        let (records, _) = store.read(&stream("a"), Revision(0), 9).await.expect("the stream is read");
        let names = records.iter().flat_map(|record| &record.step.body.events).map(|event| &*event.name);
        assert_eq!((records.len(), names.collect::<Vec<_>>()), (1, vec!["till.taken", "till.counted"]));

        let all = async |asked: &[(&str, TillTrigger)]| {
            let one = |(instance, trigger): &(&str, TillTrigger)| {
                host.instance(instance).command(&format!("{instance}/{trigger:?}")).for_batch(trigger.clone())
            };
            host.batch(BatchOptions::default().atomic(true)).fire_all(asked.iter().map(one)).await
        };
        let report = all(&[("b", take(1)), ("b", take(2)), ("b", TillTrigger::Reopen)]).await;
        assert_eq!((report.counts.failed, report.counts.skipped), (1, 2), "it is open: {report:?}");
        assert_eq!(revision(&*store, &stream("b")).await, Revision(0), "nothing of it is recorded");
        let report = all(&[("b", take(1)), ("b", take(2)), ("b", TillTrigger::Settle { cents: 3 })]).await;
        assert!(report.is_success(), "{report:?}");
        assert_eq!(stand(&host.instance("b")).await.1, Sum { cents: 6, counted: vec![6] });
        assert_eq!(revision(&*store, &stream("b")).await, Revision(3));

        // Two instances, as near to each other as the store needs them.
        let is_near = |id: &String| store.shard(&stream(id)) == store.shard(&stream("b"));
        let near = (0..100_000).map(|n| format!("near-{n}")).find(is_near).expect("there is one");
        let asked = [("b", TillTrigger::Reopen), (&*near, take(4))];
        let report = all(&asked).await;
        let is_one = store.limits().atomic >= Atomic::Shard;
        assert_eq!(report.is_success(), is_one, "{report:?}");
        if is_one {
            let report = all(&[("b", take(1)), (&*near, TillTrigger::Reopen)]).await;
            assert!(report.items.iter().all(|item| !matches!(item.outcome, BatchOutcome::Succeeded(_))));
        } else {
            let refused = |outcome: &BatchOutcome<Till>| match outcome {
                BatchOutcome::Failed(FireError::Store { source, .. }) => {
                    matches!(**source, StoreError::NotAtomic { can: Atomic::Instance })
                }
                _ => false,
            };
            assert!(report.items.iter().all(|item| refused(&item.outcome)), "{report:?}");
        }
        let expected = if is_one { (Revision(4), Revision(1)) } else { (Revision(3), Revision(0)) };
        assert_eq!(
            (revision(&*store, &stream("b")).await, revision(&*store, &stream(&near)).await),
            expected
        );
        host.shutdown().await;
    })
    .await;
}

/// A snapshot is a cache: whatever stands in its place, the instance is what its records say.
pub async fn an_instance_is_the_same_from_any_snapshot(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).snapshot_every(2).build().await.expect(FINE);
        let till = host.instance("a");
        for cents in 1..=9 {
            till.command(&format!("take/{cents}")).fire(take(cents)).await.expect(TAKEN);
        }
        let whole = stand(&till).await;
        // It writes what was offered before it ends.
        host.shutdown().await;
        let shard = store.shard(&host.repository().stream("", "a"));
        let kept = store.list(shard, "snapshot/", None, 9).await.expect("cells are listed");
        let text = |place: usize| String::from_utf8(kept[place].value.to_vec()).expect("JSON");
        let revision = |text: &str| text.split_once("\"revision\":").map(|(_, rest)| rest.starts_with('8'));
        assert_eq!(kept.len(), 2, "two are kept");
        let newest = usize::from(revision(&text(0)) != Some(true));
        let (new, old) = (text(newest), text(1 - newest));
        assert!(new.contains("\"revision\":8") && old.contains("\"revision\":4"), "{new} {old}");
        let put = async |place: usize, value: Option<&str>| {
            let value = value.map(|value| value.to_owned().into());
            let key: CellKey = kept[place].key.clone();
            let written =
                store.put(vec![Put { key, version: None, value }]).await.expect("cells are written");
            assert!(written[0].is_some());
        };
        let newer_format = new.replace("\"shape\":", "\"form\":2,\"shape\":1");
        let ahead = new.replace("\"revision\":8", "\"revision\":80");
        let cases = [
            ("as they were written", Some(&*new), Some(&*old)),
            ("the newest is gone", None, Some(&*old)),
            ("a stale one in the place of the newest", Some(&*old), Some(&*old)),
            ("broken", Some("{"), Some(&*old)),
            ("cut off", Some(&new[..new.len() / 2]), None),
            ("of another format", Some(&*newer_format), Some(&*old)),
            ("ahead of the log", Some(&*ahead), Some(&*old)),
            ("all are gone", None, None),
        ];
        for (what, newer, older) in cases {
            put(newest, newer).await;
            put(1 - newest, older).await;
            let host = tills(&store, &clock).build().await.expect(FINE);
            assert_eq!(stand(&host.instance("a")).await, whole, "{what}");
            let again = host.instance("a").command("take/3").fire(take(3)).await.expect("it is known");
            assert_eq!((again.duplicate, again.revision), (true, Revision(3)), "{what}");
            host.shutdown().await;
        }
    })
    .await;
}
