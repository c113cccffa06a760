//! Holds the servers that its arguments name, in statics as tests do, until its input ends. Prints `NAME=URL` for each.
//! `apart` names a cluster whose nodes are on hosts of their own.

use statewright_services::{Kind, Server, ServiceError};
use std::io::{self, Read};
use std::sync::OnceLock;

static HELD: OnceLock<Vec<Server>> = OnceLock::new();

#[cfg(target_os = "linux")]
static APART: OnceLock<statewright_services::NatsApart> = OnceLock::new();

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let kinds = Kind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.name()));
    let held = kinds.map(|kind| {
        let server = kind.get()?;
        println!("{}={}", kind.variable(), server.url());
        Ok::<_, ServiceError>(server)
    });
    let held = held.collect::<Result<Vec<_>, _>>()?;
    HELD.get_or_init(|| held);
    #[cfg(target_os = "linux")]
    if names.iter().any(|name| name == "apart") {
        use statewright_services::{Durability, NatsApart, Network};
        let apart = NatsApart::start(Network::new(3)?, Durability::Process)?;
        println!("{}={}", Kind::NatsCluster.variable(), apart.cluster().url());
        APART.get_or_init(|| apart);
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
