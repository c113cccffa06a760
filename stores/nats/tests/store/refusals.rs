//! What is refused, and in which words: servers that are not safe, streams that are not ours, and secrets in no error.

use crate::place::{OnServer, name, options};
use async_nats::jetstream::stream::Config;
use statewright::store::conformance::Place;
use statewright::store::{CellKey, Put, Shard, Store, StoreError, StreamId};
use statewright_nats::{NatsError, Options};
use std::error::Error;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// The whole chain, as a log shows it.
fn text(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What somebody does to a setting.
type Change = fn(&mut Config);

fn cause(error: &StoreError) -> &NatsError {
    error.source().and_then(|source| source.downcast_ref()).expect("the cause is typed")
}

/// A server that says that it has this version, and answers nothing but a ping.
async fn pretender(version: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (read, mut write) = socket.into_split();
            let info = format!(
                "INFO {{\"server_id\":\"x\",\"version\":\"{version}\",\"headers\":true,\"max_payload\":1048576}}\r\n"
            );
            if write.write_all(info.as_bytes()).await.is_err() {
                continue;
            }
            tokio::spawn(async move {
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.starts_with("PING") && write.write_all(b"PONG\r\n").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    format!("nats://user:s3cr3t@{address}")
}

#[tokio::test]
async fn old_servers_are_refused() {
    for version in ["2.11.9", "2.2.0", "1.4.1", "dev"] {
        let url = pretender(version).await;
        let error = options(&url, "desk").create().await.expect_err("it is too old");
        assert!(
            matches!(cause(&error), NatsError::TooOld { found, needed: "2.12" } if found == version),
            "{error:?}"
        );
        assert!(!error.is_retryable() && text(&error).contains(version), "{error:?}");
        assert!(!text(&error).contains("s3cr3t") && !format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let url = pretender("2.12.0").await;
    let options = options(&url, "desk").call_max(Duration::from_millis(200));
    let error = options.open().await.expect_err("it answers nothing");
    assert!(matches!(cause(&error), NatsError::TimedOut { .. }) && error.is_retryable(), "{error:?}");
    let nobody = Options::from_url("nats://user:s3cr3t@127.0.0.1:1").expect("the address is right");
    let error = nobody.open().await.expect_err("nobody is there");
    assert!(text(&error).contains("nats://127.0.0.1:1/statewright"), "{error:?}");
    assert!(!text(&error).contains("s3cr3t") && !format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[tokio::test]
async fn what_was_not_made_is_not_opened() {
    let place = OnServer { name: name() };
    let error = place.options().open().await.expect_err("it was not made");
    assert!(matches!(cause(&error), NatsError::NotMade { name } if *name == place.name), "{error:?}");
    assert!(text(&error).contains("`Options::create`"), "{error:?}");
}

#[tokio::test]
async fn making_it_twice_is_making_it_once_and_shards_never_change() {
    let place = OnServer { name: name() };
    let shards = |shards| place.options().shards(shards).expect("there may be so many");
    let store = shards(3).create().await.expect("it is made");
    assert_eq!(store.limits().shards, 3);
    let (one, two) = tokio::join!(shards(3).create(), place.options().create());
    assert_eq!(one.expect("it is there").limits().shards, 3);
    assert_eq!(two.expect("it is there").limits().shards, 3);
    let error = shards(4).open().await.expect_err("it has three");
    assert!(matches!(cause(&error), NatsError::Shards { found: 3, asked: 4 }), "{error:?}");
    let three = place.options().replicas(3).expect("there may be three").open().await;
    let error = three.expect_err("there is one server");
    assert!(matches!(cause(&error), NatsError::Setting { setting: "num_replicas", .. }), "{error:?}");
    place.remove().await;
}

#[tokio::test]
async fn settings_that_are_not_ours_are_refused_by_name() {
    let place = OnServer::fresh().await;
    let jetstream = OnServer::jetstream().await;
    let ours = jetstream.get_stream(&place.name).await.expect("it is there").cached_info().config.clone();
    let changed: [(&str, Change); 6] = [
        ("max_age", |config| config.max_age = Duration::from_hours(1)),
        ("max_msgs", |config| config.max_messages = 1_000_000),
        ("max_bytes", |config| config.max_bytes = 1 << 30),
        ("allow_direct", |config| config.allow_direct = false),
        ("allow_atomic", |config| config.allow_atomic_publish = false),
        ("discard", |config| config.discard = async_nats::jetstream::stream::DiscardPolicy::Old),
    ];
    for (name, change) in changed {
        let mut config = ours.clone();
        change(&mut config);
        jetstream.update_stream(&config).await.expect("the server lets it be changed");
        let error = place.options().open().await.expect_err("it is not as it was made");
        assert!(
            matches!(cause(&error), NatsError::Setting { stream, setting, .. } if *stream == place.name && *setting == name),
            "{error:?}"
        );
    }
    jetstream.update_stream(&ours).await.expect("it is changed back");
    place.options().open().await.expect("it is as it was made");
    place.remove().await;
}

#[tokio::test]
async fn a_newer_schema_and_foreign_streams_are_refused() {
    let place = OnServer::fresh().await;
    let jetstream = OnServer::jetstream().await;
    let mut config =
        jetstream.get_stream(&place.name).await.expect("it is there").cached_info().config.clone();
    config.metadata.insert("statewright.schema".to_owned(), "9".to_owned());
    jetstream.update_stream(&config).await.expect("it is changed");
    let error = place.options().open().await.expect_err("it is newer");
    assert!(matches!(error, StoreError::Newer { found: 9, known: 1, .. }), "{error:?}");
    config.metadata.remove("statewright.schema");
    jetstream.update_stream(&config).await.expect("it is changed");
    let error = place.options().create().await.expect_err("it does not say what it is");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    place.remove().await;
}

#[tokio::test]
async fn what_cannot_be_kept_or_destroyed_is_refused_by_name() {
    let place = OnServer::fresh().await;
    let store = place.store().await;
    let long = StreamId::new("", "Order", &"é".repeat(3_000));
    let error = store.head(&long).await.expect_err("no subject is so long");
    assert!(matches!(cause(&error), NatsError::LongName { max: 3_500, .. }), "{error:?}");
    let key = CellKey { shard: Shard(0), name: "large".into() };
    let value = vec![0; store.limits().cell_bytes_max + 1].into();
    let error = store.put(vec![Put { key, version: None, value: Some(value) }]).await;
    let error = error.expect_err("no message is so large");
    assert!(matches!(cause(&error), NatsError::LargeCell { .. }) && !error.is_retryable(), "{error:?}");
    let strict = Options::from_url(&OnServer::url()).and_then(|options| options.name(&place.name));
    let strict = strict.expect("the address is right").open().await.expect("it opens");
    let error = strict.scrub().await.expect_err("the server has no such call");
    assert!(matches!(cause(&error), NatsError::Kept) && !error.is_retryable(), "{error:?}");
    store.scrub().await.expect("it was said that they may stay");
    strict.close().await.expect("it closes");
    place.remove().await;
}
