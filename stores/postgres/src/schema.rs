//! The tables: made and migrated by an explicit call, checked whenever a store is opened.

use crate::connections::Connections;
use crate::error::{Name, PostgresError, code};
use statewright::store::StoreError;
use tokio_postgres::error::SqlState;

/// Raised with every change of the tables, forward only.
pub(crate) const SCHEMA: u32 = 2;

/// Every table, in the order in which a transaction takes them.
pub(crate) const TABLES: [&str; 3] = ["shards", "records", "cells"];

/// Most bytes of a key as written: an entry of an index takes 2,704 with its head and alignment.
pub(crate) const KEY_BYTES_MAX: usize = 2_600;

/// Times that two programs which make the same store at once get out of each other's way.
const TRIES_MAX: usize = 5;

/// What brings the tables from one version to the next, the first from nothing. `shards` has a row for each shard; it says
/// where the shard ends, and in every row the same, what the store is.
const MIGRATIONS: [&str; SCHEMA as usize] = [
    "
CREATE TABLE IF NOT EXISTS {schema}.shards (
    shard smallint PRIMARY KEY,
    position bigint NOT NULL,
    shards smallint NOT NULL,
    version integer NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
CREATE TABLE IF NOT EXISTS {schema}.records (
    position bigint NOT NULL,
    revision bigint NOT NULL,
    at bigint NOT NULL,
    shard smallint NOT NULL,
    tenant text COLLATE \"C\" NOT NULL,
    machine text COLLATE \"C\" NOT NULL,
    instance text COLLATE \"C\" NOT NULL,
    kind text NOT NULL,
    command text NOT NULL,
    trigger text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (shard, tenant, machine, instance, revision),
    UNIQUE (shard, position)
);
CREATE TABLE IF NOT EXISTS {schema}.cells (
    version bigint NOT NULL,
    shard smallint NOT NULL,
    name text COLLATE \"C\" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (shard, name)
);
CREATE SEQUENCE IF NOT EXISTS {schema}.versions;
",
    "
ALTER TABLE {schema}.records DROP CONSTRAINT IF EXISTS records_shard_position_key;
CREATE UNIQUE INDEX IF NOT EXISTS records_position ON {schema}.records (shard, position) WHERE position > 0;
",
];

/// Makes what is not there.
pub(crate) async fn create(
    connections: &Connections,
    shards: Option<u16>,
    shards_default: u16,
) -> Result<(), StoreError> {
    let mut tries = 1;
    loop {
        match create_once(connections, shards, shards_default).await {
            Err(error) if tries < TRIES_MAX && is_race(&error) => tries += 1,
            done => return done,
        }
    }
}

/// `IF NOT EXISTS` looks before it makes, so of two that make the same at once one may fail.
fn is_race(error: &StoreError) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    code(error).is_some_and(|code| races.contains(&code))
}

async fn create_once(
    connections: &Connections,
    asked: Option<u16>,
    shards_default: u16,
) -> Result<(), StoreError> {
    let is_there = check_database(connections).await?;
    let found = find(connections).await?;
    let from = match found {
        Some((found, _)) if found > SCHEMA => return Err(newer(&connections.name, found)),
        Some((found, _)) => found,
        None => 0,
    };
    if let (Some((_, found)), Some(asked)) = (found, asked)
        && found != asked
    {
        return Err(connections.name.own("make the store", PostgresError::Shards { found, asked }));
    }
    let schema = &connections.schema;
    let shards = found.map_or(asked.unwrap_or(shards_default), |(_, shards)| shards);
    let steps =
        MIGRATIONS.iter().skip(from as usize).copied().collect::<String>().replace("{schema}", schema);
    // Whoever may not make schemas can be given one.
    let begin = if is_there { String::new() } else { format!("CREATE SCHEMA IF NOT EXISTS {schema};") };
    let make = format!(
        "BEGIN; {begin} {steps}
        INSERT INTO {schema}.shards (shard, position, shards, version)
            SELECT n, 0, {shards}, {SCHEMA} FROM generate_series(0, {shards} - 1) n ON CONFLICT (shard) DO NOTHING;
        UPDATE {schema}.shards SET version = {SCHEMA} WHERE shard BETWEEN 0 AND {shards} - 1 AND version < {SCHEMA};
        COMMIT"
    );
    connections.script("make the store", &make).await
}

/// The number of shards of the store that is there.
pub(crate) async fn check(connections: &Connections, asked: Option<u16>) -> Result<u16, StoreError> {
    let doing = "open the store";
    let schema = || connections.schema.clone();
    match find(connections).await? {
        None => Err(connections.name.own(doing, PostgresError::NoStore { schema: schema() })),
        Some((found, _)) if found > SCHEMA => Err(newer(&connections.name, found)),
        Some((found, _)) if found < SCHEMA => {
            let older = PostgresError::Older { schema: schema(), found, known: SCHEMA };
            Err(connections.name.own(doing, older))
        }
        Some((_, found)) => match asked {
            Some(asked) if asked != found => {
                Err(connections.name.own(doing, PostgresError::Shards { found, asked }))
            }
            _ => Ok(found),
        },
    }
}

fn newer(name: &Name, found: u32) -> StoreError {
    StoreError::Newer { store: name.0.to_string(), found, known: SCHEMA }
}

/// Version and number of shards, if there is a store.
async fn find(connections: &Connections) -> Result<Option<(u32, u16)>, StoreError> {
    let asked = connections.query("open the store", &connections.statements.store, &[&0_i16]).await;
    let rows = match asked {
        Ok(rows) => rows,
        Err(failure) => {
            let error = failure.error();
            return if is_absent(&error) { Ok(None) } else { Err(error) };
        }
    };
    let Some(row) = rows.first() else { return Ok(None) };
    let numbers = u32::try_from(row.get::<_, i32>(0)).ok().zip(u16::try_from(row.get::<_, i16>(1)).ok());
    numbers
        .map(Some)
        .ok_or_else(|| connections.name.corrupt("the row of shard 0 holds no version or no number of shards"))
}

fn is_absent(error: &StoreError) -> bool {
    code(error).is_some_and(|code| [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(&code))
}

/// Whether the schema is there. Other encodings refuse some texts, and sort others elsewhere.
async fn check_database(connections: &Connections) -> Result<bool, StoreError> {
    let schema = literal(&connections.schema);
    let asked = format!("SELECT current_setting('server_encoding'), to_regnamespace({schema}) IS NOT NULL");
    let found = connections.ask("make the store", &asked).await?;
    let Some(row) = found.first() else { return Ok(false) };
    match row.get::<_, String>(0) {
        encoding if encoding == "UTF8" => Ok(row.get(1)),
        found => Err(connections.name.own("make the store", PostgresError::Encoding { found })),
    }
}

pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
