//! What was changed, moved or wrapped by another key is an error with a name: never garbage, never forgotten.

use super::forget::refusal;
use super::*;
use statewright::error::BuildError;
use statewright::personal::{KeysError, PersonalError};
use statewright::store::{Append, CellKey, Head, Outcome, Payload, Put, RecordedStep, StreamId, Unit};

/// Copies a store, with other steps and cells if need be.
async fn changed(
    store: &dyn Store,
    mut step: impl FnMut(&mut StreamId, &mut RecordedStep),
    mut cell: impl FnMut(&mut Put),
) -> Arc<MemoryStore> {
    let copy = Arc::new(MemoryStore::with_shards(store.limits().shards));
    for record in records(store).await {
        let (mut stream, mut steps) = (record.stream, record.step);
        step(&mut stream, &mut steps);
        let head = copy.head(&stream).await.expect("memory");
        let after = Head { revision: head.revision, token: head.token };
        let append = Append { stream, after, steps: vec![steps] };
        let outcomes = copy.append(vec![append], Unit::Each).await;
        assert!(matches!(outcomes[0], Outcome::Appended(_)));
    }
    for found in cells(store).await {
        let mut put = Put { key: found.key, version: None, value: Some(found.value) };
        cell(&mut put);
        copy.put(vec![put]).await.expect("memory");
    }
    copy
}

pub(super) async fn with_first_payload(store: &Arc<MemoryStore>, payload: &str) -> Arc<MemoryStore> {
    let mut payload = Some(payload.to_owned());
    let change = |_: &mut StreamId, step: &mut RecordedStep| {
        if let Some(payload) = payload.take() {
            step.body.events[0].payload = json(&payload);
        }
    };
    changed(&**store, change, |_| {}).await
}

fn json(text: &str) -> Payload {
    Payload::of(&serde_json::from_str::<serde_json::Value>(text).expect("JSON")).expect("JSON")
}

async fn booked() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = host(&store).await;
    host.instance("7").fire(book("g-1", NAME)).await.expect("free");
    host.instance("7").fire(note("tea")).await.expect("taken");
    host.instance("8").fire(book("g-2", "Bo")).await.expect("free");
    host.shutdown().await;
    store
}

/// The payloads of the events, in order: booked 7, noted 7, booked 8.
async fn payloads(store: &dyn Store) -> Vec<serde_json::Value> {
    let records = records(store).await;
    let events = records.iter().flat_map(|record| &record.step.body.events);
    events.map(|event| serde_json::from_str(event.payload.get()).expect("JSON")).collect()
}

#[tokio::test]
async fn a_changed_byte_is_named_with_its_place() {
    let store = booked().await;
    let mut payload = payloads(&*store).await[0].clone();
    let sealed = payload["name"]["sealed"].as_str().expect("sealed").to_owned();
    for at in [0, 10, 40, sealed.len() - 3] {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        payload["name"]["sealed"] = String::from_utf8(bytes).expect("ASCII").into();
        let broken = with_first_payload(&store, &payload.to_string()).await;
        let found = refusal(&host(&broken).await, "7").await;
        assert_eq!(found, (1, "stay.booked".to_owned(), "name", PersonalError::Tampered));
    }
    // The mark of a forgotten value is none while its subject has a key.
    payload["name"]["sealed"] = "".into();
    let broken = with_first_payload(&store, &payload.to_string()).await;
    assert_eq!(refusal(&host(&broken).await, "7").await.3, PersonalError::Tampered);
}

#[tokio::test]
async fn a_ciphertext_opens_in_its_stream_event_and_field_alone() {
    let store = booked().await;
    let found = payloads(&*store).await;
    // From another subject: with the key's name, and with the ciphertext alone.
    let mut moved = found[0].clone();
    moved["name"] = found[2]["name"].clone();
    let broken = with_first_payload(&store, &moved.to_string()).await;
    assert_eq!(refusal(&host(&broken).await, "7").await.3, PersonalError::OtherSubject);
    let mut moved = found[0].clone();
    moved["name"]["sealed"] = found[2]["name"]["sealed"].clone();
    let broken = with_first_payload(&store, &moved.to_string()).await;
    assert_eq!(refusal(&host(&broken).await, "7").await.3, PersonalError::Tampered);
    // From another event of the same stream and subject.
    let mut moved = found[0].clone();
    moved["name"] = found[1]["note"].clone();
    let broken = with_first_payload(&store, &moved.to_string()).await;
    assert_eq!(refusal(&host(&broken).await, "7").await.3, PersonalError::Tampered);
    // A whole stream under another id.
    let rename = |stream: &mut StreamId, _: &mut RecordedStep| {
        if &*stream.instance == "7" {
            stream.instance = "9".into();
        }
    };
    let broken = changed(&*store, rename, |_| {}).await;
    let found = refusal(&host(&broken).await, "9").await;
    assert_eq!(found, (1, "stay.booked".to_owned(), "name", PersonalError::Tampered));
}

#[tokio::test]
async fn a_key_that_is_gone_is_not_a_key_that_was_destroyed() {
    let store = booked().await;
    let gone = |put: &mut Put| {
        if put.key.name.starts_with("personal/key/") {
            put.value = None;
        }
    };
    let broken = changed(&*store, |_, _| {}, gone).await;
    assert!(matches!(refusal(&host(&broken).await, "7").await.3, PersonalError::KeyMissing { .. }));
    let garbage = |put: &mut Put| {
        if put.key.name.starts_with("personal/key/") {
            put.value = Some("{}".into());
        }
    };
    let broken = changed(&*store, |_, _| {}, garbage).await;
    assert!(matches!(refusal(&host(&broken).await, "7").await.3, PersonalError::NoKey { .. }));
}

#[tokio::test]
async fn a_key_opens_in_its_own_cell_alone() {
    let store = booked().await;
    let mut keys = cells(&*store).await;
    keys.retain(|cell| cell.key.name.starts_with("personal/key/"));
    let swap = |put: &mut Put| {
        if put.key.name == keys[0].key.name {
            put.value = Some(keys[1].value.clone());
        }
    };
    let broken = changed(&*store, |_, _| {}, swap).await;
    let host = host(&broken).await;
    let owners = [host.instance("7").state().await.is_err(), host.instance("8").state().await.is_err()];
    assert_eq!(owners.iter().filter(|fails| **fails).count(), 1);
}

#[tokio::test]
async fn another_master_key_builds_no_host_and_opens_nothing() {
    let store = booked().await;
    let wrong = builder(&store).personal_key(KeyRing::new("2026", [27; 32])).build().await;
    let Err(BuildError::Personal(KeysError::Personal(why))) = wrong else { panic!("it is another key") };
    assert!(matches!(why, PersonalError::WrongMasterKey { ref id, .. } if id == "2026"), "{why:?}");
    let unknown = builder(&store).personal_key(KeyRing::new("2027", [26; 32])).build().await;
    let Err(BuildError::Personal(KeysError::Personal(why))) = unknown else { panic!("it is another id") };
    assert_eq!(why, PersonalError::UnknownMasterKey { id: "2026".to_owned() });
}

#[tokio::test]
async fn a_machine_with_personal_data_asks_for_a_master_key() {
    let error = builder(&Arc::new(MemoryStore::new())).build().await.expect_err("there is no key");
    let text = "`stay.booked` of machine `Stay` holds personal data in `name`: give the builder `.personal_key(key_ring)`";
    assert_eq!(error.to_string(), text);
    // And what reads by hand says so as well.
    let store = booked().await;
    let repository = statewright::Repository::<Stay>::new(Arc::clone(&store));
    let error = repository.load(&repository.stream("", "7")).await.expect_err("there is no key");
    assert!(format!("{error:?}").contains("NoMasterKey"), "{error:?}");
    let opened = repository.personal_key(ring());
    let loaded = opened.load(&opened.stream("", "7")).await.expect("there is one");
    assert_eq!(loaded.instance.data().notes.len(), 1);
}

#[tokio::test]
async fn a_cell_that_says_nothing_of_the_subject() {
    let store = booked().await;
    let mut names: Vec<_> = cells(&*store).await.into_iter().map(|cell| cell.key).collect();
    names.retain(|CellKey { name, .. }| name.starts_with("personal/"));
    assert!(names.len() >= 3 && names.iter().all(|key| !key.name.contains("g-1")), "{names:?}");
}
