//! A host with a second machine in its shadow: where the two part is counted, and nothing of it is recorded.

use statewright::host::{Answer, ShadowReport};
use statewright::store::{Cursor, MemoryStore, Revision, Shard, Store};
use statewright::{BuildError, Host};
use statewright_tests::ticket::{v1, v2};
use std::sync::Arc;

/// Release 2's trigger for release 1's. It has none for `Shelve`, let us say.
fn newer(trigger: &v1::TicketTrigger) -> Option<v2::TicketTrigger> {
    match trigger {
        v1::TicketTrigger::Note { text } => {
            Some(v2::TicketTrigger::Note { text: text.clone(), author: String::new() })
        }
        v1::TicketTrigger::Solve => Some(v2::TicketTrigger::Solve),
        v1::TicketTrigger::Reopen => Some(v2::TicketTrigger::Reopen),
        v1::TicketTrigger::Shelve => None,
    }
}

fn note(text: &str) -> v1::TicketTrigger {
    v1::TicketTrigger::Note { text: text.to_owned() }
}

async fn shadowed(store: &Arc<MemoryStore>) -> Host<v1::Ticket> {
    let builder = Host::<v1::Ticket>::builder(Arc::clone(store)).snapshot_every(u64::MAX);
    builder.shadow::<v2::Ticket>(newer).shadow_queue_max(200).build().await.expect("fine")
}

/// What the shadow has come to when nothing waits for it any more.
async fn report(host: Host<v1::Ticket>) -> ShadowReport {
    host.shutdown().await;
    host.shadow_report().expect("it has a shadow")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn divergences_are_counted_where_the_graphs_differ() {
    use v1::TicketTrigger::{Reopen, Shelve, Solve};
    let store = Arc::new(MemoryStore::new());
    let host = shadowed(&store).await;
    let script = [
        note("a"),
        // Both are done.
        Solve,
        // Release 2 does not take it back.
        Reopen,
        note("b"),
        note("c"),
        // Three notes: release 2 checks.
        Solve,
        // Both reject it.
        Solve,
        // Release 2 stays where it is, with the same event.
        note("d"),
        Shelve,
    ];
    for trigger in script {
        let _ = host.instance("a").fire(trigger).await;
    }
    let repeated = host.instance("a").command("x").fire(Reopen).await.expect("it is shelved");
    assert!(host.instance("a").command("x").fire(Reopen).await.expect("it is known").duplicate);
    assert_eq!(repeated.revision, Revision(9));
    let report = report(host).await;
    assert_eq!((report.agreed, report.diverged, report.unmapped), (6, 3, 1), "{report:?}");
    assert_eq!((report.unreadable, report.dropped, report.unknown()), (0, 0, 1));
    let noted = || vec![("ticket.noted".to_owned(), r#"{"text":"d","author":""}"#.to_owned())];
    let solved = || vec![("ticket.solved".to_owned(), "null".to_owned())];
    let accepted = |to: &str, events| Answer::Accepted { to: to.to_owned(), events };
    let found: Vec<_> = report
        .divergences
        .into_iter()
        .map(|found| (found.revision.0, found.trigger, found.host, found.shadow))
        .collect();
    assert_eq!(
        found,
        [
            (2, "Reopen", accepted("Open", vec![]), Answer::Rejected),
            (5, "Solve", accepted("Done", solved()), accepted("Checking", solved())),
            (6, "Note", accepted("Open", noted()), accepted("Done", noted())),
        ]
    );
    // Nothing of it is recorded: no record, and no cell besides those by which hosts share the work.
    let mut records = 0;
    for shard in (0..store.limits().shards).map(Shard) {
        records += store.scan(shard, &Cursor::default(), 100).await.expect("memory").records.len();
        for cell in store.list(shard, "", None, 100).await.expect("memory") {
            let kind = cell.key.name.split('/').next().unwrap_or_default();
            assert!(["host", "lease", "timers"].contains(&kind), "{}", cell.key.name);
        }
    }
    assert_eq!(records, 9);
}

/// A group is answered without a pause, so that the shadow finds its queue full.
#[tokio::test]
async fn a_full_queue_drops_and_counts() {
    let host = shadowed(&Arc::new(MemoryStore::new())).await;
    let builder = Host::<v1::Ticket>::builder(MemoryStore::new()).group_max(64);
    let narrow = builder.shadow::<v2::Ticket>(newer).shadow_queue_max(4).build().await.expect("fine");
    for host in [&host, &narrow] {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let ticket = host.instance("a");
                tokio::spawn(async move { ticket.fire(note("a")).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("it is open");
        }
    }
    let (wide, narrow) = (report(host).await, report(narrow).await);
    assert_eq!((wide.agreed, wide.dropped), (64, 0));
    assert_eq!((narrow.agreed, narrow.dropped, narrow.unknown()), (4, 60, 60));
}

#[tokio::test]
async fn what_the_shadow_cannot_read_is_unknown() {
    let store = Arc::new(MemoryStore::new());
    // The older release is the shadow of the newer one.
    let host = Host::<v2::Ticket>::builder(Arc::clone(&store))
        .shadow::<v1::Ticket>(|_| Some(v1::TicketTrigger::Solve))
        .build()
        .await
        .expect("fine");
    host.instance("a").fire(v2::TicketTrigger::Ask).await.expect("it is open");
    host.instance("a").fire(v2::TicketTrigger::Solve).await.expect_err("it waits");
    host.shutdown().await;
    let report = host.shadow_report().expect("it has a shadow");
    assert_eq!((report.unreadable, report.agreed, report.diverged), (2, 0, 0), "{report:?}");
}

#[tokio::test]
async fn a_host_without_a_shadow_has_no_report() {
    let host = Host::<v1::Ticket>::builder(MemoryStore::new()).build().await.expect("fine");
    assert_eq!(host.shadow_report(), None);
    let builder = Host::<v1::Ticket>::builder(MemoryStore::new()).shadow::<v2::Ticket>(newer);
    let error = builder.shadow_queue_max(0).build().await.expect_err("nothing would get through");
    assert!(matches!(error, BuildError::Zero { option: "shadow_queue_max" }), "{error}");
}
