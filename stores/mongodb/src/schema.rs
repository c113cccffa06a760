//! What a store consists of in a database, how it is made, and the checks before it is trusted.
//!
//! Nothing is made but by [`create`].

use crate::error::{NAMESPACE_EXISTS, Refusal, code};
use crate::link::{CELLS, COUNTERS, Link, META, RECORDS, VERSIONS};
use crate::options::refused;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::{IndexOptions, ReadConcern};
use statewright::store::StoreError;

/// Raised with every change of the collections, forward only.
pub(crate) const SCHEMA: u32 = 1;

/// Shards of a store that was made without saying how many.
const SHARDS: u16 = 16;

/// Makes what is not there yet.
pub(crate) async fn create(link: &Link, shards: Option<u16>) -> Result<(), StoreError> {
    let found = read(link).await?.map(|schema| fits(link, &schema, shards)).transpose()?;
    let shards = found.or(shards).unwrap_or(SHARDS);
    for name in [RECORDS, COUNTERS, CELLS, META] {
        let made = async {
            match link.database.create_collection(name).await {
                Err(error) if code(&error) != Some(NAMESPACE_EXISTS) => Err(error),
                _ => Ok(()),
            }
        };
        link.call("make a collection", Box::pin(made)).await?;
    }
    link.call("make the indexes", link.records().create_indexes(indexes())).await?;
    let counters = (0..i32::from(shards)).map(|shard| {
        doc! { "q": { "_id": shard }, "u": { "$setOnInsert": { "position": 0_i64 } }, "upsert": true }
    });
    let make = doc! { "update": COUNTERS, "updates": counters.collect::<Vec<_>>(),
    "writeConcern": { "w": "majority", "j": true } };
    link.call("make the counters", link.database.run_command(make)).await?;
    let versions = doc! { "$setOnInsert": { "version": 0_i64 } };
    let cells = link.meta();
    let cells = cells.update_one(doc! { "_id": VERSIONS }, versions).upsert(true);
    link.call("make the counter of cells' versions", cells).await?;
    // Last, so that what says that the store is there is never there before it.
    let schema = doc! { "version": i64::from(SCHEMA), "shards": i32::from(shards) };
    let said = link.meta();
    let said = said.update_one(doc! { "_id": "schema" }, doc! { "$setOnInsert": schema }).upsert(true);
    link.call("write the schema", said).await?;
    check(link, Some(shards)).await.map(|_| ())
}

/// The number of shards of a store that is there and fits.
pub(crate) async fn check(link: &Link, shards: Option<u16>) -> Result<u16, StoreError> {
    match read(link).await? {
        Some(schema) => fits(link, &schema, shards),
        None => Err(refused(link.name.clone(), "find the store", Refusal::Missing)),
    }
}

/// What the database says of its schema. In a transaction, so that a server without them is found out here.
async fn read(link: &Link) -> Result<Option<Document>, StoreError> {
    let read = async {
        let mut session = link.session().await?;
        session.start_transaction().read_concern(ReadConcern::majority()).await?;
        let found = link.meta().find_one(doc! { "_id": "schema" }).session(&mut session).await?;
        session.commit_transaction().await?;
        Ok(found)
    };
    link.call("read the schema in a transaction, which needs a replica set", Box::pin(read)).await
}

fn fits(link: &Link, schema: &Document, asked: Option<u16>) -> Result<u16, StoreError> {
    let version = schema.get_i64("version").ok().and_then(|version| u32::try_from(version).ok());
    match version {
        Some(SCHEMA) => {}
        Some(found) if found > SCHEMA => {
            return Err(StoreError::Newer { store: link.name.clone(), found, known: SCHEMA });
        }
        _ => return Err(link.corrupt("its schema has no version that was ever written")),
    }
    let shards = schema.get_i32("shards").ok().and_then(|shards| u16::try_from(shards).ok());
    let found = shards.filter(|shards| *shards > 0);
    let found = found.ok_or_else(|| link.corrupt("its schema has no number of shards"))?;
    match asked {
        Some(asked) if asked != found => {
            Err(refused(link.name.clone(), "open the store", Refusal::Shards { found, asked }))
        }
        _ => Ok(found),
    }
}

fn indexes() -> [IndexModel; 3] {
    let named = |name: &str| IndexOptions::builder().name(name.to_owned()).build();
    let mut unique = [named("by_key"), named("by_position")];
    for options in &mut unique {
        options.unique = Some(true);
    }
    let [by_key, by_position] = unique;
    let mut streams = named("streams");
    // One entry for each stream: that of its first record.
    streams.partial_filter_expression = Some(doc! { "revision": 1_i64 });
    [
        IndexModel::builder().keys(doc! { "key": 1 }).options(by_key).build(),
        IndexModel::builder().keys(doc! { "shard": 1, "position": 1 }).options(by_position).build(),
        IndexModel::builder().keys(doc! { "shard": 1, "key": 1 }).options(streams).build(),
    ]
}
