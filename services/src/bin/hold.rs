//! Holds the servers that its arguments name, in statics as tests do, until its input ends. Prints `NAME=URL` for each.

use statewright_services::{Kind, Server, ServiceError};
use std::io::{self, Read};
use std::sync::OnceLock;

static HELD: OnceLock<Vec<Server>> = OnceLock::new();

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
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
