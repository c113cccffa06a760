//! Command ids follow the caller's id, never the content.

use statewright::store::{MemoryStore, Revision, Store};
use statewright::{FireError, Host};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::Arc;

async fn host(store: &Arc<MemoryStore>) -> Host<Door> {
    Host::builder(Arc::clone(store))
        .effects_elsewhere()
        .snapshot_every(3)
        .build()
        .await
        .expect("the options are fine")
}

#[tokio::test]
async fn ten_cycles_are_twenty_steps() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    let door = host.instance("a");
    for _ in 0..10 {
        door.fire(DoorTrigger::Open).await.expect("it is shut");
        door.fire(DoorTrigger::Close).await.expect("it is open");
    }
    assert_eq!(door.revision().await.expect("it loads"), Revision(20));
    assert_eq!(door.view(|door, _| door.data().opened).await.expect("it loads"), 10);
}

#[tokio::test]
async fn one_id_is_one_step_also_later_elsewhere_and_after_a_snapshot() {
    let store = Arc::new(MemoryStore::new());
    let first = host(&store).await;
    let once = first.instance("a").command("open-1").fire(DoorTrigger::Open).await.expect("it is shut");
    assert!(!once.duplicate);
    first.instance("a").command("close-1").fire(DoorTrigger::Close).await.expect("it is open");
    for n in 0..10 {
        first
            .instance("a")
            .command(&format!("knock-{n}"))
            .fire(DoorTrigger::Knock { times: 1 })
            .await
            .expect("always");
    }
    first.shutdown().await;
    for host in [&first, &host(&store).await] {
        // The first has shut down and takes nothing more; the second must know without having been there.
        match host.instance("a").command("open-1").fire(DoorTrigger::Open).await {
            Ok(again) => {
                assert!(again.duplicate && again.revision == once.revision && again.to == DoorState::Ajar);
                assert_eq!(again.events.len(), 1);
            }
            Err(error) => assert!(matches!(error, FireError::Closed), "{error}"),
        }
    }
    let stream = first.repository().stream("", "a");
    assert_eq!(store.head(&stream).await.expect("memory").revision, Revision(12));
}

#[tokio::test]
async fn an_id_with_another_trigger_is_an_error_that_names_both() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    host.instance("a").command("1").fire(DoorTrigger::Open).await.expect("it is shut");
    let error = host.instance("a").command("1").fire(DoorTrigger::Close).await.expect_err("the id is taken");
    assert_eq!(
        error.to_string(),
        "command id `1` of `Door/a` stands for `Open` in record 1: give `Close` an id of its own"
    );
}

#[tokio::test]
async fn a_refusal_is_remembered_only_when_recorded() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    let door = host.instance("a");
    door.fire(DoorTrigger::Open).await.expect("it is shut");
    let refused = door.command("x").fire(DoorTrigger::Open).await.expect_err("it is open");
    assert_eq!(refused.rejection().and_then(|r| r.reason()), Some("it is open"));
    let kept = door.command("y").record_rejection().fire(DoorTrigger::Open).await.expect_err("it is open");
    assert_eq!(door.revision().await.expect("it loads"), Revision(2));
    door.fire(DoorTrigger::Close).await.expect("it is open");
    door.command("x").fire(DoorTrigger::Open).await.expect("x was not recorded, and now it is shut");
    door.fire(DoorTrigger::Close).await.expect("it is open");
    let again =
        door.command("y").record_rejection().fire(DoorTrigger::Open).await.expect_err("y stays refused");
    assert_eq!(again.rejection(), kept.rejection());
}

#[tokio::test]
async fn an_expected_revision_is_kept_to() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    let door = host.instance("a");
    door.command("1").expect(Revision(0)).fire(DoorTrigger::Open).await.expect("it has not begun");
    let error =
        door.command("2").expect(Revision(0)).fire(DoorTrigger::Close).await.expect_err("it has begun");
    assert!(
        matches!(error, FireError::Conflict { expected: Revision(0), found: Revision(1), .. }),
        "{error}"
    );
    door.command("2").expect(Revision(1)).fire(DoorTrigger::Close).await.expect("it is at 1");
}

#[tokio::test]
async fn what_is_ignored_is_accepted_and_not_recorded() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    let door = host.instance("a");
    door.fire(DoorTrigger::Open).await.expect("it is shut");
    let ignored = door.fire(DoorTrigger::Rung).await.expect("it is accepted");
    assert!(ignored.ignored && ignored.revision == Revision(1));
}

#[tokio::test]
async fn a_deleted_instance_is_gone_for_good() {
    let store = Arc::new(MemoryStore::new());
    let host = host(&store).await;
    host.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(host.instance("a").delete().await.expect("it is there"), Revision(2));
    let error = host.instance("a").fire(DoorTrigger::Open).await.expect_err("it is gone");
    assert!(
        matches!(&error, FireError::Load(cause) if cause.to_string() == "instance `Door/a` was deleted"),
        "{error:?}"
    );
}

#[tokio::test]
async fn tenants_with_equal_ids_are_apart() {
    let host = host(&Arc::new(MemoryStore::new())).await;
    host.tenant("acme").expect("an id").instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(
        host.tenant("other").expect("an id").instance("a").state().await.expect("it loads"),
        DoorState::Closed
    );
    assert_eq!(
        host.tenant("acme").expect("an id").instance("a").state().await.expect("it loads"),
        DoorState::Ajar
    );
}
