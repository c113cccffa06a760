//! Cases of what a host keeps apart and of what it ends over a store: tenants with equal ids, deletions, erasures.

use super::hosts::{FINE, READ, TAKEN, stand, take, tills};
use super::machine::{Till, TillTrigger};
use super::pace::on_a_clock_that_goes;
use super::work::records;
use crate::error::{FireError, LoadError};
use crate::host::{Handle, TenantHost};
use crate::store::{Kind, Revision, Shard, Store};
use crate::subscription::Start;
use std::sync::Arc;

fn is_deleted(error: &FireError) -> bool {
    matches!(error, FireError::Load(cause) if matches!(**cause, LoadError::Deleted { .. }))
}

fn is_erased(error: &FireError) -> bool {
    matches!(error, FireError::Load(cause) if matches!(**cause, LoadError::TenantErased { .. }))
}

/// A deleted instance is gone for every host, for every command, known or not, and for good.
pub async fn an_instance_that_is_deleted_never_comes_back(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).snapshot_every(2).build().await.expect(FINE);
        let other = tills(&store, &clock).build().await.expect(FINE);
        for n in 0..5 {
            host.instance("a").command(&format!("take/{n}")).fire(take(1)).await.expect(TAKEN);
        }
        assert_eq!(stand(&other.instance("a")).await.2, Revision(5));
        let stream = host.repository().stream("", "a");
        let has_snapshots = async || {
            let cells = store.list(store.shard(&stream), "snapshot/", None, 9).await;
            !cells.expect("cells are listed").is_empty()
        };
        // They are written and removed behind the answers.
        while !has_snapshots().await {
            tokio::task::yield_now().await;
        }
        assert_eq!(host.instance("a").delete().await.expect("it is there"), Revision(6));
        while has_snapshots().await {
            tokio::task::yield_now().await;
        }
        host.shutdown().await;
        let restarted = tills(&store, &clock).build().await.expect(FINE);
        // The copy of `other` is older than the deletion.
        for host in [&other, &restarted] {
            let gone = host.instance("a");
            for command in ["take/1", "new"] {
                assert!(is_deleted(&gone.command(command).fire(take(1)).await.expect_err("it is deleted")));
            }
            assert!(is_deleted(&gone.start().await.expect_err("it is deleted")));
            assert!(is_deleted(&gone.state().await.expect_err("it is deleted")));
        }
        assert_eq!(records(&*store, &stream).await.len(), 6, "nothing came behind it");
        for host in [other, restarted] {
            host.shutdown().await;
        }
    })
    .await;
}

/// Two tenants with equal ids of everything: neither hears of the other, and what one has is exported and erased without it.
pub async fn tenants_of_a_host_have_nothing_in_common(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let tenant_host = || {
            let builder = TenantHost::<Till>::builder(Arc::clone(&store)).clock(clock.clone());
            builder.effects_elsewhere().snapshot_every(2).build()
        };
        let host = tenant_host().await.expect(FINE);
        let till = |host: &TenantHost<Till>, tenant: &str| -> Handle<Till> {
            host.tenant(tenant).expect("an id").instance("x")
        };
        // What separators would mix up is told apart too.
        let tenants = ["acme", "acme/Till", "other"];
        for (tenant, cents) in tenants.into_iter().zip(1..) {
            for n in 0..4 {
                let command = till(&host, tenant).command(&format!("take/{n}"));
                let fired = command.fire(take(cents)).await.expect(TAKEN);
                assert_eq!((fired.revision, fired.duplicate), (Revision(n + 1), false), "{tenant}");
            }
            till(&host, tenant).fire(TillTrigger::Receipt { number: cents }).await.expect(TAKEN);
        }
        let whole = async |host: &TenantHost<Till>, tenant: &str| {
            let (_, sum, revision) = stand(&till(host, tenant)).await;
            let tenant = host.tenant(tenant).expect("an id");
            let mut seen = tenant.subscribe(Start::Beginning).open().await.expect("it begins");
            let mut records = 0;
            while let Some(transition) = seen.next().await.expect("it is read").into_record() {
                records += 1;
                assert_eq!(transition.record.revision.0, records, "in order, and nobody else's");
            }
            let usage = tenant.usage().await.expect("it is counted");
            (sum.cents, revision.0, records, usage.instances, usage.records)
        };
        let restarted = tenant_host().await.expect(FINE);
        for host in [&host, &restarted] {
            for (tenant, cents) in tenants.into_iter().zip(1..) {
                assert_eq!(whole(host, tenant).await, (4 * cents, 5, 5, 1, 5), "{tenant}");
            }
        }

        let erased = host.tenant("acme").expect("an id").erase().await.expect("it is erased");
        assert_eq!((erased.instances, erased.emptied, erased.records), (1, 1, 6));
        let later = tenant_host().await.expect(FINE);
        for host in [&host, &later] {
            assert!(is_erased(&till(host, "acme").fire(take(1)).await.expect_err("it is erased")));
            let new = host.tenant("acme").expect("an id").instance("new");
            assert!(is_erased(&new.fire(take(1)).await.expect_err("it is erased")));
        }
        let gone = records(&*store, &host.operator().repository().stream("acme", "x")).await;
        assert!(gone.iter().all(|record| record.step.body.events.is_empty()), "{gone:?}");
        let kinds: Vec<_> = gone.iter().map(|record| record.step.kind).collect();
        assert_eq!(kinds, [vec![Kind::Erased; 5], vec![Kind::Deleted]].concat());
        for shard in (0..store.limits().shards).map(Shard) {
            let kept = store.list(shard, "snapshot/4/", None, 9).await.expect("cells are listed");
            assert_eq!(kept, [], "its snapshots went with it");
        }
        for (tenant, cents) in tenants.into_iter().zip(1..).skip(1) {
            assert_eq!(whole(&later, tenant).await, (4 * cents, 5, 5, 1, 5), "{tenant}");
            let again = till(&later, tenant).command("take/0").fire(take(cents)).await.expect("it is known");
            assert!(again.duplicate);
        }
        assert_eq!(till(&later, "new").revision().await.expect(READ), Revision(0));
        for host in [host, restarted, later] {
            host.shutdown().await;
        }
    })
    .await;
}
