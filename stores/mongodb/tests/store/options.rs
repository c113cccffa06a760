//! What options refuse, and that nothing of them shows a secret.

use crate::server::{Database, told};
use statewright::store::StoreError;
use statewright_mongodb::Options;
use std::time::Duration;

const SECRET: &str = "pa55word";

fn error(url: &str) -> StoreError {
    Options::from_url(url).expect_err("it is no connection string")
}

#[test]
fn a_url_that_is_none_is_refused_with_the_reason() {
    assert!(told(&error("postgres://localhost/orders")).contains("unsupported connection string scheme"));
    let host = told(&error("mongodb://db1:port/orders"));
    assert!(host.contains("is not a MongoDB connection string") && host.contains("port"), "{host}");
}

/// An `@` or `/` that is not written as `%40` or `%2F` moves pieces of a password to where they are quoted.
#[test]
fn a_url_with_a_password_is_refused_without_it() {
    for url in [
        format!("mongodb://ann:{SECRET}@db1:port/orders"),
        format!("mongodb://ann:{SECRET}%zz@db1/orders"),
        format!("mongodb://ann:{SECRET}/x@db1/orders"),
        format!("mongodb://ann:x@{SECRET}@db1:2:3/orders"),
        format!("mongodb://ann:{SECRET}@db1/orders?tls=perhaps"),
    ] {
        let text = told(&error(&url));
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn debug_and_errors_show_hosts_and_database_and_no_password() {
    let options = Options::from_url(&format!("mongodb://ann:{SECRET}@127.0.0.1:9/orders")).expect("a URL");
    let shown = format!("{options:?}");
    assert!(shown.contains("127.0.0.1:9") && shown.contains("orders"), "{shown}");
    let error =
        options.connect_timeout(Duration::from_millis(200)).open().await.expect_err("nobody is there");
    let text = told(&error);
    assert!(text.contains("mongodb://127.0.0.1:9/orders") && error.is_retryable(), "{text}");
    assert!(!text.contains(SECRET) && !shown.contains(SECRET) && !format!("{error:?}").contains(SECRET));
}

#[tokio::test]
async fn a_database_is_named_and_its_name_is_one() {
    let options = Options::from_url("mongodb://127.0.0.1:9").expect("a URL");
    let error = options.clone().open().await.expect_err("which one?");
    assert!(told(&error).contains("call `Options::database`"), "{error:?}");
    for name in ["", "a b", "a.b", "a/b", "$a", "a\u{0}", &"x".repeat(64)] {
        let error = options.clone().database(name).create().await.expect_err("it is no name");
        assert!(told(&error).contains("no name of a database"), "{name:?}: {error:?}");
    }
}

#[tokio::test]
async fn the_url_names_the_database_unless_something_else_does() {
    let options = Options::from_url("mongodb://127.0.0.1:9/orders").expect("a URL");
    let options = options.connect_timeout(Duration::from_millis(100));
    let own = options.clone().open().await.expect_err("nobody is there");
    assert!(told(&own).contains("127.0.0.1:9/orders"));
    let other = options.database("others").open().await.expect_err("nobody is there");
    assert!(told(&other).contains("127.0.0.1:9/others"));
}

#[tokio::test]
async fn tls_is_spoken_when_it_is_asked_for() {
    let options = Database::new().options().connect_timeout(Duration::from_millis(500));
    let options = options.tls(statewright_mongodb::TlsOptions::default());
    let error = options.open().await.expect_err("the server of the tests speaks none");
    assert!(error.is_retryable(), "{error:?}");
}
