//! A process to be killed: moves one store to another.

use statewright::copy::{CopyError, copy};
use statewright_hosts_tests::place::{Failure, Place};
use std::io::{self, Write};

/// `mover URL NAME URL NAME follow|over`: from and to. A line for each thing that it has done: `page`; `verified`, behind what
/// follows; `over` behind the cut-over, or `left` when effects are that no host has begun.
#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [from, from_name, to, to_name, what] = &arguments[..] else { return Err("five arguments".into()) };
    let open = async |url: &String, name: &String| {
        Ok::<_, Failure>(Place { url: url.clone(), name: name.clone() }.open().await?.store())
    };
    let moving = copy(open(from, from_name).await?, open(to, to_name).await?);
    let moving = moving.on_progress(|_| say("page").expect("somebody listens"));
    if what == "follow" {
        loop {
            moving.catch_up().await?;
            moving.verify().await?;
            say("verified")?;
        }
    }
    match moving.cut_over().await {
        Ok(_) => Ok(say("over")?),
        Err(CopyError::EffectsLeft { .. }) => Ok(say("left")?),
        Err(error) => Err(error.into()),
    }
}

/// One write for each line, so that a kill leaves the whole line or none.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
