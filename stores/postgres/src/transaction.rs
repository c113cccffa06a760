//! One batch of appends and cells as one transaction, and what became of each.
//!
//! Every transaction bumps the counters of its shards in their order before it looks at a head, and writes its cells behind
//! that, in the order of their keys. So no two of them wait for each other in a circle, what they look at is exact, and a
//! shard's commits follow each other.

use crate::append::{Columns, one};
use crate::connections::{Connections, Ready, Sent, send, transact};
use crate::error::Failure;
use crate::rows::{Address, Request, head};
use crate::shelf::{Change, version};
use deadpool_postgres::Object;
use statewright::store::Head;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_postgres::{Error, Row};

const DOING: &str = "write";

/// What a transaction writes.
#[derive(Debug)]
pub(crate) enum Item {
    Append(Request),
    Cells(Vec<Change>),
}

impl Item {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Append(request) => request.bytes,
            Self::Cells(changes) => changes.iter().map(Change::bytes).sum(),
        }
    }

    /// Whose head it is held against.
    pub(crate) fn stream(&self) -> Option<&Arc<Address>> {
        match self {
            Self::Append(request) => Some(&request.address),
            Self::Cells(_) => None,
        }
    }
}

/// What became of one item of a transaction that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Written(Head),
    Conflict(Head),
    Gone,
    /// The new version of each cell that was written.
    Versions(Vec<Option<u64>>),
}

impl Fate {
    /// What is no append fails alone.
    pub(crate) fn fits(&self) -> bool {
        matches!(self, Self::Written(_) | Self::Versions(_))
    }
}

/// What a transaction came to: a fate for each item, and where the shards end that it touched.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) fates: Vec<Fate>,
    pub(crate) ends: Vec<(i16, i64)>,
}

/// Whether the items stand or fall together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Together {
    Yes,
    No,
}

/// A single step that stands alone: one statement, which is a transaction. Answers `Taken` when its look at the head was
/// too old.
pub(crate) async fn write_one(
    connections: &Connections,
    connection: Object,
    request: &Request,
) -> Result<Done, Failure> {
    let Some(step) = request.steps.first() else { return Ok(Done { fates: Vec::new(), ends: Vec::new() }) };
    let talk = async {
        let ready = connections.ready(&connection, &connections.statements.append_one).await?;
        send(&connection, &ready, &one(request, step, &connections.synchronous)).await
    };
    let answer = connections.within(DOING, talk).await;
    let rows = connections.give_back(connection, answer)?;
    let unanswered = || Failure::Lost(connections.name.corrupt("an append was not answered"));
    let row = rows.first().ok_or_else(unanswered)?;
    let shard = request.address.shard;
    Ok(match row.get::<_, Option<i64>>(0) {
        Some(end) => Done { fates: vec![Fate::Written(request.head())], ends: vec![(shard, end)] },
        None => Done { fates: vec![unfit(row)], ends: Vec::new() },
    })
}

/// Items of any number and shards, at most one append for each stream.
pub(crate) async fn write(
    connections: &Connections,
    connection: Object,
    items: &[&Item],
    together: Together,
) -> Result<Done, Failure> {
    let batch = Batch::of(items);
    let answer = connections.within(DOING, batch.write(connections, &connection, together)).await;
    connections.give_back(connection, answer)
}

/// Items in the order in which they are written.
struct Batch<'a> {
    fates: Vec<Fate>,
    columns: Vec<Columns<'a>>,
    /// Each with its item, its place in it and its value.
    changes: Vec<(usize, usize, &'a Change, Option<&'a [u8]>)>,
}

impl<'a> Batch<'a> {
    fn of(items: &[&'a Item]) -> Self {
        let mut shards: BTreeMap<i16, Vec<(usize, &Request)>> = BTreeMap::new();
        let mut changes = Vec::new();
        let mut fates = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            match item {
                Item::Append(request) => {
                    shards.entry(request.address.shard).or_default().push((n, request));
                    fates.push(Fate::Written(request.head()));
                }
                Item::Cells(cells) => {
                    let cells = cells.iter().enumerate();
                    changes.extend(cells.map(|(place, change)| (n, place, change, change.value())));
                    fates.push(Fate::Versions(Vec::new()));
                }
            }
        }
        // Stable: of two changes of one cell the first comes first.
        changes.sort_by(|(.., a, _), (.., b, _)| (a.shard, &a.name).cmp(&(b.shard, &b.name)));
        let columns = shards.iter().map(|(shard, requests)| Columns::of(*shard, requests)).collect();
        Self { fates, columns, changes }
    }

    async fn write(
        &self,
        connections: &Connections,
        connection: &Object,
        together: Together,
    ) -> Result<Done, Error> {
        let statements = &connections.statements;
        let bump = connections.ready(connection, &statements.bump).await?;
        let append = connections.ready(connection, &statements.append_many).await?;
        let mut ready: Vec<Ready<'_>> = Vec::with_capacity(self.changes.len());
        for (.., change, _) in &self.changes {
            ready.push(connections.ready(connection, change.statement(statements)).await?);
        }
        let of_shard = |columns| {
            let columns: &Columns<'_> = columns;
            [Sent { ready: &bump, params: columns.bump() }, Sent { ready: &append, params: columns.append() }]
        };
        let mut sent: Vec<Sent<'_>> = self.columns.iter().flat_map(of_shard).collect();
        for ((.., change, value), ready) in self.changes.iter().zip(&ready) {
            sent.push(Sent { ready, params: change.params(value) });
        }
        let answers = transact(connection, &connections.begin, &sent, together == Together::No).await;
        if answers.is_err() && together == Together::Yes {
            // The connection is used again, and what went wrong is the first error.
            let _ = connection.batch_execute("ROLLBACK").await;
        }
        let done = self.read(&answers?);
        if together == Together::Yes {
            let whole = done.fates.iter().all(Fate::fits);
            connection.batch_execute(if whole { "COMMIT" } else { "ROLLBACK" }).await?;
        }
        Ok(done)
    }

    fn read(&self, answers: &[Vec<Row>]) -> Done {
        let mut done = Done { fates: self.fates.clone(), ends: Vec::new() };
        let (appends, cells) = answers.split_at(answers.len().min(self.columns.len() * 2));
        for (columns, answers) in self.columns.iter().zip(appends.chunks(2)) {
            let [bumped, refused] = answers else { continue };
            done.ends.extend(bumped.first().map(|row| (columns.shard, row.get(0))));
            for row in refused {
                let request = usize::try_from(row.get::<_, i32>(0)).unwrap_or(usize::MAX);
                if let Some(fate) = done.fates.get_mut(request) {
                    *fate = unfit(row);
                }
            }
        }
        for ((item, place, ..), rows) in self.changes.iter().zip(cells) {
            if let Some(Fate::Versions(versions)) = done.fates.get_mut(*item) {
                versions.resize(versions.len().max(place + 1), None);
                versions[*place] = version(rows);
            }
        }
        done
    }
}

/// Why a request does not fit: revision and kind of the head stand in the second and the third column.
fn unfit(row: &Row) -> Fate {
    match row.get::<_, Option<&str>>(2) {
        Some("deleted") => Fate::Gone,
        _ => Fate::Conflict(head(row.get::<_, Option<i64>>(1).unwrap_or_default())),
    }
}
