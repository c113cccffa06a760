//! A cluster of NATS of which nodes are cut off, from everybody or from their peers alone, and mended again.
//!
//! A node that is cut off runs on, and nobody is told: connections to it hang. Which node leads a stream the servers know.

use super::{Nats, NatsCluster, Seat};
use crate::error::ServiceError;
use crate::network::{Link, Network};
use crate::process::Durability;
use std::net::SocketAddrV4;

/// Ports, each on a host of its own.
const CLIENTS: u16 = 4222;
const PEERS: u16 = 6222;

/// A cluster whose nodes are on hosts of their own.
#[derive(Debug)]
pub struct NatsApart {
    // The servers end before their network does.
    cluster: NatsCluster,
    network: Network,
}

impl NatsApart {
    /// A node on each host.
    ///
    /// # Errors
    /// There is no server to start, or they do not become ready.
    pub fn start(network: Network, durability: Durability) -> Result<Self, ServiceError> {
        let seat = |host| {
            let at = SocketAddrV4::new(network.address(Link::Clients, host), CLIENTS);
            let route = SocketAddrV4::new(network.address(Link::Peers, host), PEERS);
            (Seat { at, enter: network.enter(host) }, route)
        };
        let cluster = NatsCluster::seated((0..network.hosts()).map(seat).collect(), durability)?;
        Ok(Self { cluster, network })
    }

    /// The nodes.
    pub fn cluster(&self) -> &NatsCluster {
        &self.cluster
    }

    /// Cuts a node off from everybody.
    ///
    /// # Errors
    /// The link cannot be changed.
    pub fn cut(&self, node: &Nats) -> Result<(), ServiceError> {
        Link::ALL.into_iter().try_for_each(|link| self.network.cut(link, self.host(node)))
    }

    /// Cuts a node off from the other nodes: clients go on reaching it.
    ///
    /// # Errors
    /// The link cannot be changed.
    pub fn cut_from_peers(&self, node: &Nats) -> Result<(), ServiceError> {
        self.network.cut(Link::Peers, self.host(node))
    }

    /// Cuts a node off from clients: the other nodes go on reaching it.
    ///
    /// # Errors
    /// The link cannot be changed.
    pub fn cut_from_clients(&self, node: &Nats) -> Result<(), ServiceError> {
        self.network.cut(Link::Clients, self.host(node))
    }

    /// Mends what was cut of a node.
    ///
    /// # Errors
    /// The link cannot be changed.
    pub fn mend(&self, node: &Nats) -> Result<(), ServiceError> {
        Link::ALL.into_iter().try_for_each(|link| self.network.mend(link, self.host(node)))
    }

    fn host(&self, node: &Nats) -> usize {
        let nodes = self.cluster.nodes();
        nodes.iter().position(|other| other.at == node.at).unwrap_or(nodes.len())
    }
}

impl AsRef<NatsCluster> for NatsApart {
    fn as_ref(&self) -> &NatsCluster {
        &self.cluster
    }
}
