//! One server for whoever needs one and does not care where it comes from.
//!
//! Who wants to kill it takes [`Postgres`], [`Nats`], [`NatsCluster`] or [`Mongodb`] themselves.

use crate::error::ServiceError;
use crate::mongodb::Mongodb;
use crate::nats::{Nats, NatsCluster};
use crate::postgres::Postgres;
use crate::process::Durability;
use std::env;

/// Nodes of a cluster.
const NODES: usize = 3;

/// A server that is there as long as this is.
#[derive(Debug)]
pub struct Server {
    url: String,
    kept: Kept,
}

/// What keeps it alive.
#[derive(Debug)]
#[expect(dead_code, reason = "they are held, for what dropping them does")]
enum Kept {
    ByOthers,
    Postgres(Postgres),
    Nats(Nats),
    Cluster(NatsCluster),
    Mongodb(Mongodb),
}

impl Server {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It was started here, for us alone; else the environment named it.
    pub fn is_private(&self) -> bool {
        !matches!(self.kept, Kept::ByOthers)
    }
}

/// The servers that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// One server of NATS.
    Nats,
    /// Several servers of NATS.
    NatsCluster,
    /// A server of MongoDB's protocol.
    Mongodb,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Nats, Self::NatsCluster, Self::Mongodb];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::NatsCluster => "nats-cluster",
            Self::Mongodb => "mongodb",
        }
    }

    /// The variable of the environment that names one.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "DATABASE_URL",
            Self::Nats => "NATS_URL",
            Self::NatsCluster => "NATS_CLUSTER_URL",
            Self::Mongodb => "MONGODB_URL",
        }
    }

    /// The server that the environment names, or a private one.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn get(self) -> Result<Server, ServiceError> {
        match env::var(self.variable()) {
            Ok(url) if !url.is_empty() => Ok(Server { url, kept: Kept::ByOthers }),
            _ => self.start(NODES),
        }
    }

    /// A private server, a cluster of `nodes`.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start(self, nodes: usize) -> Result<Server, ServiceError> {
        let durability = Durability::default();
        let (url, kept) = match self {
            Self::Postgres => Postgres::start(durability).map(|it| (it.url(), Kept::Postgres(it)))?,
            Self::Nats => Nats::start(durability).map(|it| (it.url(), Kept::Nats(it)))?,
            Self::NatsCluster => {
                NatsCluster::start(nodes, durability).map(|it| (it.url(), Kept::Cluster(it)))?
            }
            Self::Mongodb => Mongodb::start(durability).map(|it| (it.url(), Kept::Mongodb(it)))?,
        };
        Ok(Server { url, kept })
    }
}

/// `DATABASE_URL`, or a private server.
///
/// # Errors
/// There is none, or it does not start.
pub fn postgres() -> Result<Server, ServiceError> {
    Kind::Postgres.get()
}

/// `NATS_URL`, or a private server.
///
/// # Errors
/// There is none, or it does not start.
pub fn nats() -> Result<Server, ServiceError> {
    Kind::Nats.get()
}

/// `NATS_CLUSTER_URL`, or a private cluster of three; the address names all nodes, with commas between them.
///
/// # Errors
/// There is none, or it does not start.
pub fn nats_cluster() -> Result<Server, ServiceError> {
    Kind::NatsCluster.get()
}

/// `MONGODB_URL`, or a private server of its protocol.
///
/// # Errors
/// There is none, or it does not start.
pub fn mongodb() -> Result<Server, ServiceError> {
    Kind::Mongodb.get()
}
