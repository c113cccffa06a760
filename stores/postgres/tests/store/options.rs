//! What options refuse, and that nothing of them shows a secret.

use crate::place::{Schema, told, url};
use statewright::store::StoreError;
use statewright::store::conformance::Place;
use statewright_postgres::Options;
use std::time::Duration;

const SECRET: &str = "pa55word";

#[test]
fn an_address_that_is_none_is_refused_without_it() {
    for address in
        ["postgres://ann:pa55word@db1:port/shop", "host", "postgres://ann:pa55word@db1/shop?sslmode=perhaps"]
    {
        let error = Options::from_url(address).expect_err("it is no address");
        let text = told(&error);
        assert!(text.contains("cannot be used") && !text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn debug_and_errors_show_hosts_database_and_schema_and_no_password() {
    let address = format!("postgres://ann:{SECRET}@127.0.0.1:9,localhost:9/shop");
    let options = Options::from_url(&address).expect("it parses").connect_timeout(Duration::from_secs(1));
    let shown = format!("{options:?}");
    let error = options.open().await.expect_err("nobody is there");
    assert!(error.is_retryable(), "{error:?}");
    let text = told(&error);
    for shown in [shown, text, format!("{error:?}")] {
        assert!(shown.contains("127.0.0.1:9,localhost:9/shop?schema=statewright"), "{shown}");
        assert!(!shown.contains(SECRET) && !shown.contains("ann"), "{shown}");
    }
}

#[tokio::test]
async fn tls_is_spoken_when_it_is_asked_for() {
    let with = if url().contains('?') { "&" } else { "?" };
    let options = Options::from_url(&format!("{}{with}sslmode=verify-full", url())).expect("it parses");
    let error = options.open().await.expect_err("the tests' server has no certificate");
    assert!(told(&error).to_lowercase().contains("tls"), "{}", told(&error));
}

#[tokio::test]
async fn a_key_that_is_too_long_for_an_index_is_refused_with_its_size() {
    let place = Schema::fresh().await;
    let store = place.store().await;
    let id = statewright::store::StreamId::new("", "Order", &"x".repeat(3_000));
    let error = statewright::store::Store::head(&store, &id).await.expect_err("it is too long");
    assert!(!error.is_retryable() && told(&error).contains("use a shorter id"), "{}", told(&error));
    assert!(matches!(error, StoreError::Unavailable { .. }));
    place.remove().await;
}
