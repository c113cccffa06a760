//! A cluster of NATS: nodes that are killed and started again one by one.
//!
//! Which node leads a stream the servers know; they name nodes as this does.

use super::{Nats, Routes, Seat, binary};
use crate::error::ServiceError;
use crate::process::{Durability, free_port};
use std::net::{Ipv4Addr, SocketAddrV4};

/// A cluster of private servers.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<Nats>,
}

impl NatsCluster {
    /// A cluster of so many nodes; three are the fewest of which one may be lost.
    ///
    /// # Errors
    /// There is no server to start, or they do not become ready.
    pub fn start(nodes: usize, durability: Durability) -> Result<Self, ServiceError> {
        let seat = |_| {
            let route = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port()?);
            Ok((Seat::at(free_port()?), route))
        };
        Self::seated((0..nodes).map(seat).collect::<Result<_, ServiceError>>()?, durability)
    }

    /// A node for each seat, with where its peers reach it.
    pub(super) fn seated(
        seats: Vec<(Seat, SocketAddrV4)>,
        durability: Durability,
    ) -> Result<Self, ServiceError> {
        let binary = binary()?;
        let (seats, routes): (Vec<_>, Vec<_>) = seats.into_iter().unzip();
        let started = seats.into_iter().zip(&routes).map(|(seat, own)| {
            Nats::launch(&binary, seat, durability, Some(&Routes { own: *own, all: &routes }))
        });
        let nodes = started.collect::<Result<Vec<_>, _>>()?;
        nodes.iter().try_for_each(|node| node.process.wait())?;
        Ok(Self { nodes })
    }

    /// Starts all nodes again after all were killed; a node alone is not ready before others are there. Returns when all are.
    ///
    /// # Errors
    /// They do not become ready.
    pub fn restart(&self) -> Result<(), ServiceError> {
        self.nodes.iter().try_for_each(|node| node.process.relaunch())?;
        self.nodes.iter().try_for_each(|node| node.process.wait())
    }

    /// Its nodes, in the order in which they were started.
    pub fn nodes(&self) -> &[Nats] {
        &self.nodes
    }

    /// The addresses of all nodes, with commas between them.
    pub fn url(&self) -> String {
        self.nodes.iter().map(Nats::url).collect::<Vec<_>>().join(",")
    }
}

impl AsRef<Self> for NatsCluster {
    fn as_ref(&self) -> &Self {
        self
    }
}
