//! The process that holds servers: it listens at a port that a file names, says what it holds, and ends when told to.
//!
//! Killed, it takes its servers along; the file that it leaves is then known by that nobody answers.

use crate::Failure;
use statewright_services::{Kind, Server, folder};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// The line behind those of the servers.
pub(super) const READY: &str = "ready";

/// Longest that one who connected may say nothing.
const WORD_MAX: Duration = Duration::from_secs(5);

const WORD_STATUS: &str = "statewright services status";
const WORD_END: &str = "statewright services down";

/// Holds servers until it is told to end.
pub(super) fn hold(kinds: &[Kind], nodes: usize) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let held = kinds.iter().map(|kind| Ok((*kind, kind.start(nodes)?)));
    let held = held.collect::<Result<Vec<(Kind, Server)>, Failure>>()?;
    let line = |(kind, server): &(Kind, Server)| format!("{}={}", kind.variable(), server.url());
    let lines: Vec<_> = held.iter().map(line).chain([READY.to_owned()]).collect();
    let lines = lines.join("\n");
    fs::write(file(), listener.local_addr()?.port().to_string())?;
    writeln!(io::stdout(), "{lines}")?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        match word(&stream).unwrap_or_default().as_str() {
            // Who hangs up early has no need of the answer.
            WORD_STATUS => drop(writeln!(stream, "{lines}")),
            WORD_END => {
                drop(held);
                fs::remove_file(file())?;
                return Ok(writeln!(stream, "{READY}")?);
            }
            _ => {}
        }
    }
    Ok(())
}

fn word(stream: &TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(WORD_MAX))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A holder that runs.
pub(super) struct State {
    port: u16,
    /// `NAME=URL` for each server.
    pub(super) lines: Vec<String>,
}

impl State {
    /// The holder of this workspace, if there is one.
    pub(super) fn of_holder() -> Result<Option<Self>, Failure> {
        let port = match fs::read_to_string(file()) {
            Ok(text) => text.trim().parse().unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let Ok(lines) = ask(port, WORD_STATUS) {
            return Ok(Some(Self { port, lines }));
        }
        // It was killed.
        fs::remove_file(file())?;
        Ok(None)
    }

    /// Ends it and its servers; returns when they are gone.
    pub(super) fn end(self) -> io::Result<()> {
        ask(self.port, WORD_END).map(drop)
    }
}

/// The lines of the answer, if it comes from a holder.
fn ask(port: u16, word: &str) -> io::Result<Vec<String>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    // Ending takes as long as the slowest server, each of which is given five seconds.
    stream.set_read_timeout(Some(WORD_MAX * 12))?;
    writeln!(stream, "{word}")?;
    let mut lines = BufReader::new(stream).lines().collect::<Result<Vec<_>, _>>()?;
    match lines.pop() {
        Some(last) if last == READY => Ok(lines),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn file() -> PathBuf {
    folder().join("up")
}
