//! Keys of subjects: made once, wrapped, and wrapped anew.

use super::*;
use statewright::host::{BatchOptions, BatchRequest};
use statewright::personal::PersonalError;
use statewright::repository::Origin;
use statewright::store::Outcome;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_make_a_key_at_once_go_on_with_the_same() {
    for round in 0..20 {
        let store = Arc::new(MemoryStore::with_shards(2));
        let (one, other) = tokio::join!(host(&store), host(&store));
        let guest = format!("g-{round}");
        let (first, second) = (one.instance("7"), other.instance("8"));
        let (first, second) = tokio::join!(first.fire(book(&guest, NAME)), second.fire(book(&guest, "Bo")));
        first.expect("free");
        second.expect("free");
        let third = host(&store).await;
        assert_eq!(name(&third, "7").await.as_deref(), Some(NAME));
        assert_eq!(name(&third, "8").await.as_deref(), Some("Bo"));
        let cells = cells(&*store).await;
        assert_eq!(cells.iter().filter(|cell| cell.key.name.starts_with("personal/key/")).count(), 1);
        for host in [one, other, third] {
            host.shutdown().await;
        }
    }
}

#[tokio::test]
async fn the_master_key_changes_and_the_old_one_goes() {
    let store = Arc::new(MemoryStore::with_shards(4));
    let before = host(&store).await;
    for n in 0..40 {
        before.instance(&n.to_string()).fire(book(&format!("g-{n}"), NAME)).await.expect("free");
    }
    before.forget("g-3").await.expect("memory");
    before.shutdown().await;

    let both = || KeyRing::new("2027", [27; 32]).and_old("2026", [26; 32]);
    let host = builder(&store).personal_key(both()).build().await.expect("the old one is there");
    assert_eq!(name(&host, "1").await.as_deref(), Some(NAME));
    assert_eq!(host.rewrap_personal_keys().await.expect("memory"), 40, "39 guests and the store's secret");
    assert_eq!(host.rewrap_personal_keys().await.expect("memory"), 0);
    host.shutdown().await;

    let after =
        builder(&store).personal_key(KeyRing::new("2027", [27; 32])).build().await.expect("rewrapped");
    for n in [0, 17, 39] {
        assert_eq!(name(&after, &n.to_string()).await.as_deref(), Some(NAME));
    }
    assert_eq!(name(&after, "3").await, None);
    after.shutdown().await;
    assert!(!everything(&*store).await.contains("2026"));
}

#[tokio::test]
async fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", ring().and_old("2025", [25; 32])), r#"KeyRing(["2026", "2025"])"#);
}

#[tokio::test]
async fn who_drives_instances_by_hand_seals_too() {
    let store = Arc::new(MemoryStore::with_shards(2));
    let without = statewright::Repository::<Stay>::new(Arc::clone(&store));
    let repository = without.clone().personal_key(ring());
    let stream = repository.stream("", "7");
    let mut loaded = repository.load(&stream).await.expect("memory");
    let step = loaded.instance.fire(book("g-1", NAME)).expect("free");
    let origin = Origin { trigger: "Book", ..Origin::default() };
    let steps = vec![(step, origin)];
    let error = without.save(&stream, &mut loaded, steps.clone()).await.expect_err("there is no key");
    assert!(error.to_string().contains(&PersonalError::NoMasterKey.to_string()), "{error}");
    let outcome = repository.save(&stream, &mut loaded, steps).await.expect("it is written");
    assert!(matches!(outcome, Outcome::Appended(_)));
    assert!(!everything(&*store).await.contains(NAME));
    assert_eq!(name(&host(&store).await, "7").await.as_deref(), Some(NAME));
}

#[tokio::test]
async fn a_batch_seals_too_as_a_whole_and_one_by_one() {
    for atomic in [true, false] {
        let store = Arc::new(MemoryStore::with_shards(2));
        let host = host(&store).await;
        let requests = (0..10).flat_map(|n| {
            let stay = n.to_string();
            [
                BatchRequest::new(&stay, book(&format!("g-{n}"), NAME)),
                BatchRequest::new(&stay, note("likes tea")),
            ]
        });
        let options = BatchOptions::default().atomic(atomic);
        let report = host.batch(options).fire_all(requests.collect::<Vec<_>>()).await;
        assert!(report.is_success(), "{report:?}");
        assert_eq!(name(&host, "3").await.as_deref(), Some(NAME));
        host.shutdown().await;
        let all = everything(&*store).await;
        assert!(all.contains("sealed") && !all.contains(NAME) && !all.contains("likes tea"));
        assert_eq!(name(&super::host(&store).await, "9").await.as_deref(), Some(NAME));
    }
}
