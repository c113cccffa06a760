//! `cqrs-es` on `postgres-es`: the fastest of the peers that do the same on PostgreSQL.
//!
//! Both of its ways are measured: a stream that is read whole for every command, and an aggregate that is kept beside it.

use crate::Failure;
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::PostgresCqrs;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions};
use std::convert::Infallible;

const TABLES: &str = "
CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE TABLE snapshots (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    last_sequence bigint CHECK (last_sequence >= 0) NOT NULL,
    current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL, payload json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
);";

/// The same machine as ours.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Counter {
    total: u64,
    odd: bool,
}

pub(crate) struct Add {
    n: u64,
    note: String,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) enum Event {
    Added { n: u64, note: String },
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        "counter.added".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = Add;
    type Event = Event;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, command: Add, (): &(), sink: &EventSink<Self>) -> Result<(), Infallible> {
        sink.write(Event::Added { n: command.n, note: command.note }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        let Event::Added { n, .. } = event;
        self.total += n;
        self.odd = !self.odd;
    }
}

/// Whether the aggregate is kept beside its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    Events,
    Aggregates,
}

pub(crate) struct Peer {
    cqrs: PostgresCqrs<Counter>,
    pool: PgPool,
}

impl Peer {
    pub(crate) async fn open(url: &str, schema: &str, kept: Kept) -> Result<Self, Failure> {
        let made = PgPool::connect(url).await?;
        sqlx::raw_sql(&format!("CREATE SCHEMA {schema}")).execute(&made).await?;
        made.close().await;
        let path = format!("{url}?options=-c%20search_path%3D{schema}");
        // Its own default.
        let pool = PgPoolOptions::new().max_connections(10).connect(&path).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        let cqrs = match kept {
            Kept::Events => postgres_es::postgres_cqrs(pool.clone(), Vec::new(), ()),
            Kept::Aggregates => postgres_es::postgres_aggregate_cqrs(pool.clone(), Vec::new(), ()),
        };
        Ok(Self { cqrs, pool })
    }

    pub(crate) async fn transition(&self, instance: &str, note: &str) -> Result<(), Failure> {
        Ok(self.cqrs.execute(instance, Add { n: 1, note: note.to_owned() }).await?)
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
    }
}
