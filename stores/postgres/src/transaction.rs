//! One batch of appends and cells as one transaction, and what became of each.
//!
//! Every transaction bumps the counters of its shards in their order, and writes its cells behind that, in the order of their
//! keys. So no two of them wait for each other in a circle, and a shard's commits follow each other. How exactly it looks at
//! the heads, [`Look`] says; heads that the handle has written itself it need not look at.

use crate::append::{Columns, known, one};
use crate::connections::{Connections, Ready, Sent, send, transact};
use crate::error::Failure;
use crate::rows::{Address, Request, head};
use crate::shelf::{Change, version};
use crate::statistics::count;
use crate::tail::{Grown, Tails};
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

    pub(crate) fn shards(&self) -> impl Iterator<Item = i16> {
        let (append, cells) = match self {
            Self::Append(request) => (Some(request.address.shard), &[][..]),
            Self::Cells(changes) => (None, &changes[..]),
        };
        append.into_iter().chain(cells.iter().map(|change| change.shard))
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

/// What a transaction came to: a fate for each item, and how the shards have grown that it touched.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) fates: Vec<Fate>,
    pub(crate) grown: Vec<Grown>,
}

/// Whether the items stand or fall together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Together {
    Yes,
    No,
}

/// How exactly a transaction looks at the heads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// In one statement for each shard. Another transaction may come between the look and the turn in the shard; the answer is
    /// `Taken` then if it wrote to the same stream.
    Quick,
    /// In a second statement, once the shard is held.
    Exact,
}

/// A single step that stands alone: one statement, which is a transaction. Answers `Taken` when its look at the head was
/// too old.
pub(crate) async fn write_one(
    connections: &Connections,
    connection: Object,
    request: &Request,
) -> Result<Done, Failure> {
    let Some(step) = request.steps.first() else { return Ok(Done { fates: Vec::new(), grown: Vec::new() }) };
    let connects = connections.counters.connects();
    let talk = async {
        let ready = connections.ready(&connection, &connections.statements.append_one).await?;
        send(&connection, &ready, &one(request, step)).await
    };
    let answer = connections.within(DOING, talk).await;
    let rows = connections.give_back(connection, answer)?;
    let unanswered = || Failure::Lost(connections.name.corrupt("an append was not answered"));
    let row = rows.first().ok_or_else(unanswered)?;
    let shard = request.address.shard;
    Ok(match row.get::<_, Option<i64>>(0) {
        Some(end) => {
            let grown = Grown::of(shard, (end - 1, end), connects, std::iter::once((end, step)));
            Done { fates: vec![Fate::Written(request.head())], grown: vec![grown] }
        }
        None => Done { fates: vec![unfit(row)], grown: Vec::new() },
    })
}

/// Items of any number and shards, at most one append for each stream.
pub(crate) async fn write(
    connections: &Connections,
    connection: Object,
    items: &[&Item],
    (how, tails): ((Together, Look), &Tails),
) -> Result<Done, Failure> {
    let batch = Batch::of(items, connections.counters.connects());
    let talk = async {
        if how == (Together::No, Look::Quick)
            && let Some(done) = batch.write_known(connections, &connection, tails).await?
        {
            return Ok(done);
        }
        batch.write(connections, &connection, how).await
    };
    let answer = connections.within(DOING, talk).await;
    connections.give_back(connection, answer)
}

/// Items in the order in which they are written.
struct Batch<'a> {
    fates: Vec<Fate>,
    columns: Vec<Columns<'a>>,
    /// Each with its item, its place in it and its value.
    changes: Vec<(usize, usize, &'a Change, Option<&'a [u8]>)>,
    /// How many connections there had been before it is sent.
    connects: u64,
}

impl<'a> Batch<'a> {
    fn of(items: &[&'a Item], connects: u64) -> Self {
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
        Self { fates, columns, changes, connects }
    }

    /// Appends of one shard in a single statement, if all their heads are known and nobody else has written to the shard since.
    async fn write_known(
        &self,
        connections: &Connections,
        connection: &Object,
        tails: &Tails,
    ) -> Result<Option<Done>, Error> {
        let ([columns], [], true) = (&self.columns[..], &self.changes[..], connections.is_set()) else {
            return Ok(None);
        };
        // The connection was there before it is asked what is known, so what is known is of its server.
        let Some(end) = tails.known(columns.shard, columns.expected()) else { return Ok(None) };
        let ready = connections.ready(connection, &connections.statements.append_known).await?;
        let rows = send(connection, &ready, &known(columns, &end)).await?;
        let Some(row) = rows.first() else {
            tails.forget(columns.shard);
            return Ok(None);
        };
        count(&connections.counters.known, 1);
        let grown = columns.grown(row.get(0), self.connects, |_| true);
        Ok(Some(Done { fates: self.fates.clone(), grown: Vec::from([grown]) }))
    }

    async fn write(
        &self,
        connections: &Connections,
        connection: &Object,
        (together, look): (Together, Look),
    ) -> Result<Done, Error> {
        let statements = &connections.statements;
        let (bump, append) = match look {
            Look::Quick => (None, &statements.append_many),
            Look::Exact => {
                (Some(connections.ready(connection, &statements.bump).await?), &statements.append_behind)
            }
        };
        let append = connections.ready(connection, append).await?;
        let mut ready: Vec<Ready<'_>> = Vec::with_capacity(self.changes.len());
        for (.., change, _) in &self.changes {
            ready.push(connections.ready(connection, change.statement(statements)).await?);
        }
        let mut sent: Vec<Sent<'_>> = Vec::new();
        for columns in &self.columns {
            sent.extend(bump.as_ref().map(|bump| Sent { ready: bump, params: columns.bump() }));
            sent.push(Sent { ready: &append, params: columns.append() });
        }
        for ((.., change, value), ready) in self.changes.iter().zip(&ready) {
            sent.push(Sent { ready, params: change.params(value) });
        }
        let answers = match &sent[..] {
            // A statement is a transaction by itself.
            [alone] if together == Together::No && connections.is_set() => {
                send(connection, alone.ready, &alone.params).await.map(|rows| Vec::from([rows]))
            }
            _ => transact(connection, &connections.begin, &sent, together == Together::No).await,
        };
        if answers.is_err() && together == Together::Yes {
            // The connection is used again, and what went wrong is the first error.
            let _ = connection.batch_execute("ROLLBACK").await;
        }
        let done = self.read(&answers?, if bump.is_some() { 2 } else { 1 });
        if together == Together::Yes {
            let whole = done.fates.iter().all(Fate::fits);
            connection.batch_execute(if whole { "COMMIT" } else { "ROLLBACK" }).await?;
        }
        Ok(done)
    }

    /// Each shard has this many answers, of which the last tells.
    fn read(&self, answers: &[Vec<Row>], of_shard: usize) -> Done {
        let mut done = Done { fates: self.fates.clone(), grown: Vec::new() };
        let (appends, cells) = answers.split_at(answers.len().min(self.columns.len() * of_shard));
        for (columns, answers) in self.columns.iter().zip(appends.chunks(of_shard)) {
            let Some([first, ..]) = answers.last().map(Vec::as_slice) else { continue };
            for row in answers.last().into_iter().flatten() {
                let request = row.get::<_, Option<i32>>(1).and_then(|request| usize::try_from(request).ok());
                if let Some(fate) = request.and_then(|request| done.fates.get_mut(request)) {
                    *fate = unfit(row);
                }
            }
            let fits = |request| done.fates.get(request).is_some_and(Fate::fits);
            done.grown.push(columns.grown(first.get(0), self.connects, fits));
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

/// Why a request does not fit: revision and kind of the head stand in the third and the fourth column.
fn unfit(row: &Row) -> Fate {
    match row.get::<_, Option<&str>>(3) {
        Some("deleted") => Fate::Gone,
        _ => Fate::Conflict(head(row.get::<_, Option<i64>>(2).unwrap_or_default())),
    }
}
