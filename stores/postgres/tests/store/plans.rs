//! Every statement uses an index at a million records, as prepared statements are planned here: once, for all parameters.

use crate::place;
use crate::protection::Site;
use statewright_postgres::Options;
use tokio_postgres::{Client, SimpleQueryMessage};

/// Records of ten thousand streams, and a hundred thousand cells, in eight shards.
const FILL: &str = "
    INSERT INTO {schema}.records
        (shard, position, tenant, machine, instance, revision, kind, at, command, trigger, from_state, to_state, body)
    SELECT n % 8, n / 8 + 1, '', 'Order', 'order-' || n % 10000, n / 10000 + 1, 'step', n, n::text, 'Pay', 'Open', 'Paid', '{}'
    FROM generate_series(0, {records} - 1) n;
    UPDATE {schema}.shards SET position = {records} / 8;
    INSERT INTO {schema}.cells (shard, name, version, value)
    SELECT n % 8, 'agenda/Order/' || n, n, '' FROM generate_series(1, 100000) n;
    ANALYZE {schema}.records; ANALYZE {schema}.cells; ANALYZE {schema}.shards";

const MILLION: u32 = 1_000_000;

#[tokio::test]
async fn every_statement_uses_an_index_at_a_million_records() {
    check(&place::client_at(place::newest()).await, &made_on(place::newest()).await, MILLION).await;
}

#[tokio::test]
async fn every_statement_uses_an_index_on_the_oldest_server_too() {
    check(&place::client_at(place::oldest()).await, &made_on(place::oldest()).await, MILLION).await;
}

#[tokio::test]
async fn every_statement_uses_an_index_on_the_versions_between() {
    for server in [16, 17].map(place::version) {
        check(&place::client_at(server).await, &made_on(server).await, MILLION / 10).await;
    }
}

/// Plans are kept for the life of a connection, and a store that is new is filled by the first of them.
#[tokio::test]
async fn every_statement_uses_an_index_while_the_server_knows_nothing_of_the_tables() {
    for server in [15, 16, 17].map(place::version).into_iter().chain([place::newest()]) {
        let (client, (options, schema)) = (place::client_at(server).await, made_on(server).await);
        look(&client, &options).await;
        let few = FILL.replace("{schema}", &schema).replace("{records}", "9").replace("100000", "9");
        client.batch_execute(&few).await.expect("it is filled");
        look(&client, &options).await;
    }
}

/// What policies add is a condition on what an index has found.
#[tokio::test]
async fn every_statement_uses_an_index_in_a_store_that_is_protected() {
    for server in [place::newest(), place::oldest()] {
        let site = Site::protected(server).await;
        let (options, client) = (site.options("owner"), site.client("owner").await);
        check(&client, &(options, site.schema.clone()), MILLION / 10).await;
        site.remove().await;
    }
}

/// The store of a schema of its own; the server goes with the process.
async fn made_on(server: &str) -> (Options, String) {
    let name = place::unique("plans");
    let options = Options::from_url(server).expect("it parses").schema(&name);
    options.create().await.expect("it is made");
    (options, name)
}

async fn check(client: &Client, (options, schema): &(Options, String), records: u32) {
    let fill = FILL.replace("{schema}", schema).replace("{records}", &records.to_string());
    client.batch_execute(&fill).await.expect("it is filled");
    look(client, options).await;
}

/// Every statement finds its rows by the one index that is meant for it.
async fn look(client: &Client, options: &Options) {
    for setting in options.settings() {
        client.batch_execute(&format!("SET {setting}")).await.expect("it is set");
    }
    for (name, sql) in options.statements() {
        let plan = plan(client, &sql).await;
        for table in ["records", "cells"] {
            assert!(
                !plan.contains(&format!("Seq Scan on {table}")),
                "`{name}` reads all of `{table}`:\n{plan}"
            );
        }
        // What a statement only inserts into it does not look up.
        let (meant, other) = match name {
            "scan" => ("records_position", "records_pkey"),
            _ if sql.contains("records r") => ("records_pkey", "records_position"),
            _ if sql.contains("cells WHERE") || sql.contains("cells SET") => ("cells_pkey", "records_"),
            _ => continue,
        };
        assert!(plan.contains(meant), "`{name}` does not use `{meant}`:\n{plan}");
        assert!(!plan.contains(other), "`{name}` uses `{other}`:\n{plan}");
        assert!(!plan.contains("Sort"), "`{name}` sorts what it has found:\n{plan}");
    }
}

/// As the server would carry it out, whatever the parameters are.
async fn plan(client: &Client, sql: &str) -> String {
    let parameters = (1..100).take_while(|n| sql.contains(&format!("${n}"))).count();
    client.batch_execute(&format!("PREPARE asked AS {sql}")).await.expect("it is a statement");
    let arguments = vec!["NULL"; parameters].join(", ");
    let explain = match parameters {
        0 => "EXPLAIN EXECUTE asked".to_owned(),
        _ => format!("EXPLAIN EXECUTE asked ({arguments})"),
    };
    let told = client.simple_query(&explain).await.expect("it is planned");
    client.batch_execute("DEALLOCATE asked").await.expect("it was there");
    let line = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    told.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}
