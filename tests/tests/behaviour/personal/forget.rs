//! Who is forgotten is forgotten in every record, snapshot and answer, for good.

use super::*;
use statewright::error::{FireError, LoadError};
use statewright::event::DecodeReason;
use statewright::history::Filter;
use statewright::personal::{FORGOTTEN_SEEN_MAX, PersonalError};
use statewright::store::Revision;
use std::time::Duration;

#[tokio::test]
async fn a_forgotten_subject_reads_as_forgotten_everywhere() {
    let store = Arc::new(MemoryStore::with_shards(4));
    let host =
        builder(&store).personal_key(ring()).snapshot_every(2).history_every(1).build().await.expect("fine");
    for (stay, guest) in [("7", "g-1"), ("8", "g-2"), ("9", "g-1")] {
        host.instance(stay).fire(book(guest, NAME)).await.expect("free");
        host.instance(stay).fire(note("tea")).await.expect("taken");
    }
    assert_eq!(name(&host, "7").await.as_deref(), Some(NAME));
    host.forget("g-1").await.expect("memory");

    // On this host at once, from its copies and from the store.
    assert_eq!((name(&host, "7").await, name(&host, "9").await), (None, None));
    assert_eq!(name(&host, "8").await.as_deref(), Some(NAME), "others are as they were");
    let guest = data(&host, "", "7").await;
    assert!(guest.notes.iter().all(Personal::is_forgotten) && guest.notes.len() == 1);
    let command = host.instance("7").history().data_at(Revision(2)).await.expect("it reads");
    assert!(command.instance.data().name.as_ref().is_some_and(Personal::is_forgotten));

    // In what was.
    let (begin, end) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let mut all = host.history().transitions(begin, end, 100, &Filter::new());
    let mut forgotten = 0;
    while let Some(transition) = all.try_next().await.expect("it reads") {
        for event in transition.events {
            let (guest, value) = match event {
                StayEvent::Booked(booked) => (booked.guest, booked.name),
                StayEvent::Noted(noted) => (noted.guest, noted.text),
            };
            assert_eq!(value.is_forgotten(), guest == "g-1");
            assert_eq!(value.known().is_none(), value.is_forgotten());
            forgotten += u32::from(value.is_forgotten());
        }
    }
    assert_eq!(forgotten, 4);
    let mut replay = host.instance("7").history().replay();
    while let Some(replayed) = replay.try_next().await.expect("it reads") {
        assert!(replayed.after.data().name.as_ref().is_none_or(Personal::is_forgotten));
    }
    host.shutdown().await;

    // After a restart, from snapshots that were written before and after.
    let host = builder(&store).personal_key(ring()).snapshot_every(1).build().await.expect("fine");
    assert_eq!(name(&host, "7").await, None);
    host.instance("7").fire(StayTrigger::Greet).await.expect("what is forgotten goes on as forgotten");
    host.instance("7").fire(StayTrigger::Greeted).await.expect("what is forgotten goes on as forgotten");
    host.shutdown().await;
    assert_eq!(name(&super::host(&store).await, "7").await, None);
}

#[tokio::test]
async fn nothing_is_recorded_of_a_forgotten_subject() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = host(&store).await;
    host.instance("7").fire(book("g-1", NAME)).await.expect("free");
    host.forget("g-1").await.expect("memory");
    host.forget("g-1").await.expect("twice is once");
    let error = host.instance("7").fire(note("tea")).await.expect_err("g-1 is forgotten");
    assert!(matches!(error, FireError::Personal { source: PersonalError::Forgotten, .. }), "{error:?}");
    assert_eq!(host.instance("7").revision().await.expect("it loads"), Revision(1));
    // Nobody has ever heard of this one, and nobody will.
    host.forget("g-9").await.expect("memory");
    host.instance("9").fire(book("g-9", NAME)).await.expect_err("g-9 is forgotten");
    host.instance("9").fire(book("g-10", NAME)).await.expect("a new subject");
    host.shutdown().await;
}

#[tokio::test]
async fn other_hosts_see_it_within_the_time_that_has_a_name() {
    let store = Arc::new(MemoryStore::with_shards(2));
    let clock = FakeClock::default();
    let other = builder(&store).clock(clock.clone()).personal_key(ring()).build().await.expect("fine");
    other.instance("7").fire(book("g-1", NAME)).await.expect("free");
    assert_eq!(name(&other, "7").await.as_deref(), Some(NAME));
    let host = host(&store).await;
    host.forget("g-1").await.expect("memory");

    clock.advance(Duration::try_from(FORGOTTEN_SEEN_MAX).expect("positive"));
    assert_eq!(name(&other, "7").await, None);
    let error = other.instance("7").fire(note("tea")).await.expect_err("g-1 is forgotten");
    assert!(matches!(error, FireError::Personal { source: PersonalError::Forgotten, .. }), "{error:?}");
    host.shutdown().await;
    other.shutdown().await;
}

/// Until then the other host may still seal: with a key that is nowhere any more.
#[tokio::test]
async fn what_another_host_seals_before_it_has_seen_it_is_forgotten_too() {
    let store = Arc::new(MemoryStore::with_shards(2));
    let other = host(&store).await;
    other.instance("7").fire(book("g-1", NAME)).await.expect("free");
    let host = host(&store).await;
    host.forget("g-1").await.expect("memory");
    other.instance("7").fire(note("tea")).await.expect("it does not know yet");
    let guest = data(&host, "", "7").await;
    assert!(guest.notes.len() == 1 && guest.notes[0].is_forgotten());
    host.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn tenants_forget_for_themselves() {
    let store = Arc::new(MemoryStore::with_shards(4));
    let host = host(&store).await;
    host.instance("7").fire(book("g-1", NAME)).await.expect("free");
    for tenant in ["acme", "umbra"] {
        let tenant = host.tenant(tenant).expect("it may have one");
        tenant.instance("7").fire(book("g-1", NAME)).await.expect("free");
    }
    host.tenant("acme").expect("it may have one").forget("g-1").await.expect("memory");
    for (tenant, known) in [("acme", false), ("umbra", true), ("", true)] {
        let name = data(&host, tenant, "7").await.name.expect("taken");
        assert_eq!(name.known().is_some(), known, "tenant `{tenant}`");
        assert_eq!(name.is_forgotten(), !known, "tenant `{tenant}`");
    }
    host.shutdown().await;
}

#[tokio::test]
async fn a_tenant_that_is_erased_takes_the_keys_of_its_subjects_along() {
    let store = Arc::new(MemoryStore::new());
    let host = host(&store).await;
    for tenant in ["acme", "umbra"] {
        let tenant = host.tenant(tenant).expect("it may have one");
        for guest in ["g-1", "g-2"] {
            tenant.instance(guest).fire(book(guest, NAME)).await.expect("free");
        }
        tenant.forget("g-2").await.expect("memory");
    }
    let keys = async |tenant: &str| {
        let all = cells(&*store).await;
        let whose =
            |cell: &&Cell| cell.key.name.starts_with("personal/key/") && cell.key.name.contains(tenant);
        all.iter().filter(whose).count()
    };
    assert_eq!((keys("acme").await, keys("umbra").await), (2, 2));
    host.tenant("acme").expect("it may have one").erase().await.expect("memory");
    assert_eq!((keys("acme").await, keys("umbra").await), (0, 2));
    assert_eq!(data(&host, "umbra", "g-1").await.name.expect("taken").into_known().as_deref(), Some(NAME));
}

#[tokio::test]
async fn a_value_of_one_subject_is_not_recorded_as_that_of_another() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = host(&store).await;
    host.instance("7").fire(book("g-1", NAME)).await.expect("free");
    // Read from the store, so that its key is known.
    host.forget("g-0").await.expect("memory");
    let mistake = StayTrigger::Mistake { other: "g-2".to_owned() };
    let error = host.instance("7").fire(mistake).await.expect_err("it is the name of g-1");
    assert!(matches!(error, FireError::Personal { source: PersonalError::OtherSubject, .. }), "{error:?}");
    host.shutdown().await;
}

/// Why an instance does not load: the place of the event, the field, and the reason.
pub(super) async fn refusal(host: &Host<Stay>, instance: &str) -> (u64, String, &'static str, PersonalError) {
    let error = host.instance(instance).state().await.expect_err("it does not load");
    let FireError::Load(load) = &error else { panic!("it fails otherwise: {error:?}") };
    let LoadError::Decode { source: decode, .. } = &**load else { panic!("it fails otherwise: {error:?}") };
    let DecodeReason::Personal { field, source } = &decode.reason else {
        panic!("it fails otherwise: {error:?}")
    };
    (decode.revision, decode.event.to_string(), *field, (**source).clone())
}
