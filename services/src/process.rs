//! A server process of ours: started, found ready, killed and started again.
//!
//! It does not know the server: what shows that it is ready is handed in.

use crate::error::{CommandError, ServiceError};
use crate::guard::Guard;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for a server: machines that run tests are busy.
const READY_MAX: Duration = Duration::from_mins(1);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Somebody else may take a free port before the server does.
const PORT_TRIES: usize = 4;

/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;

/// What survives of what a server has acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// Its own death, and that of the machine.
    Full,
    /// Its own death: nothing is forced to the disk. The quick choice for tests.
    #[default]
    Process,
}

/// What a look at a server that was started shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    Ready,
    NotYet,
    Failed,
}

pub(crate) type Proof = Box<dyn Fn(&Path) -> Look + Send + Sync>;

/// What is to run in a folder of its own.
pub(crate) struct Plan {
    pub(crate) server: &'static str,
    pub(crate) folder: TempDir,
    /// Ends it without losing what it acknowledged.
    pub(crate) signal: &'static str,
    pub(crate) command: Vec<OsString>,
    /// Says whether it is this very server that is ready, not another at its port.
    pub(crate) proof: Proof,
}

/// A server process; it ends when this is dropped, and when the process ends that holds it.
pub(crate) struct Process {
    server: &'static str,
    guard: Guard,
    proof: Proof,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("server", &self.server)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl Process {
    /// Starts it, without waiting for it.
    pub(crate) fn launch(plan: Plan) -> Result<Self, ServiceError> {
        let Plan { server, folder, signal, command, proof } = plan;
        let wrong = |source| ServiceError::Guard { server, source };
        let guard = Guard::new(folder, signal, &command).map_err(wrong)?;
        guard.say("start").map_err(wrong)?;
        Ok(Self { server, guard, proof })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// Returns when it answers.
    pub(crate) fn wait(&self) -> Result<(), ServiceError> {
        let began = Instant::now();
        loop {
            match (self.proof)(self.guard.folder()) {
                Look::Ready => return Ok(()),
                Look::NotYet if began.elapsed() < READY_MAX => thread::sleep(LOOK),
                Look::NotYet | Look::Failed => return Err(self.not_ready(began.elapsed())),
            }
        }
    }

    fn not_ready(&self, after: Duration) -> ServiceError {
        let log = log(self.guard.folder());
        let lines: Vec<_> = log.lines().collect();
        let log = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        ServiceError::NotReady { server: self.server, after, log }
    }

    /// `kill -9`; returns when it is gone.
    pub(crate) fn kill(&self) -> Result<(), ServiceError> {
        self.say("kill")
    }

    /// Starts it again where it was, without waiting for it.
    pub(crate) fn relaunch(&self) -> Result<(), ServiceError> {
        // What the log says of the run before must not be taken for what it says of this one.
        let log = self.guard.folder().join("log");
        fs::write(&log, "").map_err(|source| ServiceError::Folder { path: log, source })?;
        self.say("start")
    }

    fn say(&self, word: &str) -> Result<(), ServiceError> {
        self.guard.say(word).map_err(|source| ServiceError::Guard { server: self.server, source })
    }
}

/// Starts what is made for a port and waits for it; if it fails at once, with another port.
pub(crate) fn at_free_port<T>(
    mut start: impl FnMut(u16) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let mut tries = 1;
    loop {
        match start(free_port()?) {
            Err(ServiceError::NotReady { after, .. }) if tries < PORT_TRIES && after < READY_MAX => {
                tries += 1;
            }
            answer => return answer,
        }
    }
}

/// A port of 127.0.0.1 that is free now.
pub(crate) fn free_port() -> Result<u16, ServiceError> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|source| ServiceError::Folder { path: "127.0.0.1:0".into(), source })
}

/// A folder for a server.
pub(crate) fn folder() -> Result<TempDir, ServiceError> {
    let made = tempfile::Builder::new().prefix("statewright-").tempdir();
    made.map_err(|source| ServiceError::Folder { path: std::env::temp_dir(), source })
}

/// What a server has said until now.
pub(crate) fn log(folder: &Path) -> String {
    fs::read(folder.join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Runs a command to its end; the answer is what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, CommandError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(CommandError::Start { program, source }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let said = lines[lines.len().saturating_sub(LOG_LINES)..].join(" | ");
    Err(CommandError::Ended { program, status: output.status, said })
}
