//! `cargo xtask services`: servers that stay until they are told to go.
//!
//! They are held by a process of its own, the *holder*; how a server is found and started the crate `services` knows.

mod holder;

use crate::Failure;
use clap::{Args, Subcommand, builder::PossibleValue};
use holder::State;
use statewright_services::{Kind, folder};
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Start servers, print their addresses as lines for the environment, and leave them running
    Up(Asked),
    /// Stop them; nothing is left behind
    Down,
    /// Say which servers run, as lines for the environment
    Status,
    /// What `up` leaves running
    #[command(hide = true)]
    Hold(Asked),
}

#[derive(Args)]
pub(crate) struct Asked {
    /// Which ones; all if none is named
    servers: Vec<Name>,

    /// Nodes of the cluster of NATS
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: usize,
}

impl Asked {
    fn kinds(&self) -> Vec<Kind> {
        let all = Kind::ALL.into_iter();
        all.filter(|kind| self.servers.is_empty() || self.servers.iter().any(|name| name.0 == *kind))
            .collect()
    }
}

#[derive(Clone)]
struct Name(Kind);

impl clap::ValueEnum for Name {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: &[Name] =
            &[Name(Kind::ALL[0]), Name(Kind::ALL[1]), Name(Kind::ALL[2]), Name(Kind::ALL[3])];
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

pub(crate) fn run(task: &Task) -> Result<(), Failure> {
    match task {
        Task::Up(asked) => up(asked),
        Task::Down => down(),
        Task::Status => status(),
        Task::Hold(asked) => holder::hold(&asked.kinds(), asked.nodes),
    }
}

fn up(asked: &Asked) -> Result<(), Failure> {
    fs::create_dir_all(folder())?;
    let lock = File::create(folder().join("up.lock"))?;
    lock.lock()?;
    let lines = match State::of_holder()? {
        Some(state) => state.lines,
        None => start(asked)?,
    };
    print(&lines);
    let is_there = |kind: &Kind| lines.iter().any(|line| line.starts_with(&format!("{}=", kind.variable())));
    match asked.kinds().into_iter().find(|kind| !is_there(kind)) {
        Some(kind) => Err(format!("others run, without `{}`: `services down` first", kind.name()).into()),
        None => Ok(()),
    }
}

/// Starts the holder; the answer is what it holds.
fn start(asked: &Asked) -> Result<Vec<String>, Failure> {
    let log = folder().join("up.log");
    let mut command = Command::new(env::current_exe()?);
    command.args(["services", "hold", "--nodes", &asked.nodes.to_string()]);
    command.args(asked.kinds().into_iter().map(Kind::name));
    // A group of its own: what ends this command's does not end it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
    let mut child = command.spawn()?;
    let said = child.stdout.take().map(BufReader::new).ok_or("no pipe")?;
    let mut lines = Vec::new();
    for line in said.lines() {
        match line? {
            line if line == holder::READY => return Ok(lines),
            line => lines.push(line),
        }
    }
    child.wait()?;
    Err(fs::read_to_string(&log)?.trim().to_owned().into())
}

fn down() -> Result<(), Failure> {
    match State::of_holder()? {
        Some(state) => {
            state.end()?;
            println!("stopped");
        }
        None => println!("nothing runs"),
    }
    Ok(())
}

fn status() -> Result<(), Failure> {
    match State::of_holder()? {
        Some(state) => print(&state.lines),
        None => println!("nothing runs"),
    }
    Ok(())
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}
