//! Why there is no server: what was tried, in which order, and what to install.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nothing that could be started was found, nor could it be installed.
    #[error("no {server}: {}; {advice}", list(tried))]
    Missing {
        /// Which server.
        server: &'static str,
        /// In this order.
        tried: Vec<Tried>,
        /// What helps.
        advice: &'static str,
    },
    /// It was started and did not become ready.
    #[error("{server} was not ready after {after:?}; its log ends with:\n{log}")]
    NotReady {
        /// Which server.
        server: &'static str,
        /// How long it was waited for.
        after: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// Something that the server needs beforehand failed.
    #[error("{server} cannot be prepared")]
    Prepare {
        /// Which server.
        server: &'static str,
        /// What failed.
        source: CommandError,
    },
    /// A file or a folder.
    #[error("`{}`", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The process that watches over a server.
    #[error("the guard of {server}")]
    Guard {
        /// Which server.
        server: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A way that led to no server.
#[derive(Debug)]
pub struct Tried {
    /// The way.
    pub what: String,
    /// Where it ended.
    pub why: String,
}

fn list(tried: &[Tried]) -> impl fmt::Display {
    let ways: Vec<_> = tried.iter().map(|Tried { what, why }| format!("{what}: {why}")).collect();
    ways.join("; ")
}

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// Which.
        program: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// It ended badly.
    #[error("`{program}` ended with {status}: {said}")]
    Ended {
        /// Which.
        program: String,
        /// How.
        status: ExitStatus,
        /// The end of what it wrote to its error output.
        said: String,
    },
    /// It did its work, and what it was to bring is not there.
    #[error("`{program}` brought no `{}`", path.display())]
    Nothing {
        /// Which.
        program: String,
        /// What is not there.
        path: PathBuf,
    },
    /// A file or a folder around it.
    #[error("`{}`", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// An error with its causes, in one line.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
