//! How a store is made and opened, and what is refused.

use crate::account::Account;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use statewright::store::conformance::Place;
use statewright::store::{Store, StoreError};
use statewright_cosmos::{CosmosOptions, CosmosStore};
use std::error::Error;
use std::sync::Arc;

/// The whole of an error, causes and all.
fn told(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn Error), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_not_made_says_how() {
    let account = Account::new();
    let error = account.options().await.open().await.expect_err("there is none");
    assert!(!error.is_retryable() && told(&error).contains("call `create` once"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_a_store_twice_is_making_it_once() {
    let account = Account::new();
    let options = account.options().await.shards(7);
    for _ in 0..2 {
        options.create().await.expect("it is made");
    }
    let store = account.options().await.open().await.expect("it opens");
    assert_eq!(store.limits().shards, 7, "the number is kept in the store");
    assert!(store.is_healthy().await);
    account.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_store_has_256_shards() {
    let account = Account::new();
    account.options().await.create().await.expect("it is made");
    assert_eq!(account.options().await.open().await.expect("it opens").limits().shards, 256);
    account.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_number_of_shards_is_refused() {
    let account = Account::new();
    account.made().await;
    let asked = account.options().await.shards(5);
    for error in
        [asked.open().await.expect_err("it has four"), asked.create().await.expect_err("it has four")]
    {
        assert!(told(&error).contains("made with 4 shards and 5 were asked for"), "{}", told(&error));
    }
    account.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_newer_program_is_refused() {
    let account = Account::emulated();
    account.made().await;
    let database = account.client().await.database_client("test");
    let container = database.container_client("statewright", None).await.expect("it is there");
    let newer = serde_json::json!({ "id": "store", "shard": "store", "schema": 2, "shards": 4 });
    container.upsert_item("store", "store", newer, None).await.expect("it is written");
    for error in [
        account.options().await.open().await.expect_err("it is newer"),
        account.options().await.create().await.expect_err("it is newer"),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error:?}");
    }
}

/// Two stores in one account, one container each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_apart() {
    let account = Account::new();
    let first = account.made().await;
    let options = account.options().await.container("other");
    options.clone().shards(2).create().await.expect("it is made");
    let second = options.open().await.expect("it opens");
    let id = crate::steps::stream("a");
    assert_eq!(crate::steps::appended(&crate::steps::append(&first, &id, 0, "x").await), 1);
    assert_eq!(crate::steps::commands(&second, &id).await, Vec::<String>::new());
    account.remove().await;
}

#[test]
fn a_connection_string_is_read() {
    let text = "AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey=c2VjcmV0PT0=;Database=x;";
    let options: CosmosOptions = text.parse().expect("it is one");
    let debug = format!("{options:?}");
    assert!(debug.contains("https://shop.documents.azure.com:443/statewright/statewright"), "{debug}");
    assert!(!debug.contains("c2VjcmV0"), "{debug}");
    for (wrong, missing) in [
        ("", "endpoint"),
        ("AccountKey=c2VjcmV0", "endpoint"),
        ("AccountEndpoint=https://shop.documents.azure.com/", "key"),
    ] {
        let error = wrong.parse::<CosmosOptions>().expect_err("something is missing");
        assert!(told(&error).contains(missing) && !told(&error).contains("c2VjcmV0"), "{}", told(&error));
    }
}

#[tokio::test]
async fn who_does_not_say_who_asks_is_refused() {
    let error = CosmosStore::at("https://shop.documents.azure.com/").open().await.expect_err("nobody asks");
    assert!(told(&error).contains("no key and no credential"), "{}", told(&error));
    let error = CosmosStore::at("shop").key("c2VjcmV0").open().await.expect_err("no address");
    assert!(told(&error).contains("the endpoint cannot be read"), "{}", told(&error));
    assert!(!format!("{error:?}").contains("c2VjcmV0"));
}

#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl TokenCredential for Nobody {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new("emulated".to_owned(), time_of_expiry()))
    }
}

fn time_of_expiry() -> azure_core::time::OffsetDateTime {
    azure_core::time::OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1)
}

/// A token credential of the caller's in place of a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_of_the_callers_opens_a_store() {
    let account = Account::emulated();
    account.made().await;
    let options = account.options().await.credential(Arc::new(Nobody));
    let store = options.open().await.expect("it opens");
    let id = crate::steps::stream("a");
    assert_eq!(crate::steps::appended(&crate::steps::append(&store, &id, 0, "x").await), 1);
    assert!(format!("{options:?}").contains("credential"));
}
