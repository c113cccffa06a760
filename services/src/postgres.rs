//! PostgreSQL: private servers of a version, a primary with a standby, and a pooler before a server.
//!
//! Tables and roles are the asker's.

mod binaries;
mod pair;
mod pgbouncer;

pub use pair::PostgresPair;
pub use pgbouncer::Pgbouncer;

use crate::error::ServiceError;
use crate::process::{self, Durability, Look, Plan, Process, at_free_port};
use binaries::Binaries;
use std::ffi::OsString;
use std::path::Path;

const SERVER: &str = "PostgreSQL";

/// A private server of PostgreSQL; its only role is `postgres`, without a password.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    major: u32,
}

impl Postgres {
    /// The newest that is installed, at least 15; if there is none, 18.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start(durability: Durability) -> Result<Self, ServiceError> {
        Self::of(&Binaries::any()?, durability)
    }

    /// One of this major version, 15 to 18 where none is installed.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start_version(major: u32, durability: Durability) -> Result<Self, ServiceError> {
        Self::of(&Binaries::version(major)?, durability)
    }

    /// Puts pgbouncer before it, in transaction mode, with at most `connections` to it of one role and database.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn behind_pgbouncer(self, connections: u16) -> Result<Pgbouncer, ServiceError> {
        Pgbouncer::start(self, connections)
    }

    fn of(binaries: &Binaries, durability: Durability) -> Result<Self, ServiceError> {
        at_free_port(|port| {
            let folder = process::folder()?;
            binaries.set_up(folder.path())?;
            let settings = settings(durability);
            let server = Self::launch(binaries, folder, port, &settings)?;
            server.process.wait()?;
            Ok(server)
        })
    }

    fn launch(
        binaries: &Binaries,
        folder: tempfile::TempDir,
        port: u16,
        settings: &[String],
    ) -> Result<Self, ServiceError> {
        let plan = Plan {
            server: SERVER,
            signal: "QUIT",
            command: command(binaries, folder.path(), port, settings),
            proof: Box::new(look),
            folder,
        };
        Ok(Self { process: Process::launch(plan)?, port, major: binaries.major })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Kills it with -9, and its processes; returns when they are gone.
    ///
    /// # Errors
    /// The process that watches over it is gone, and with it the server.
    pub fn kill(&self) -> Result<(), ServiceError> {
        self.process.kill()
    }

    /// Starts it again after [`kill`](Self::kill), at the same port with the same data; returns when it answers.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn restart(&self) -> Result<(), ServiceError> {
        self.process.relaunch()?;
        self.process.wait()
    }
}

fn command(binaries: &Binaries, folder: &Path, port: u16, settings: &[String]) -> Vec<OsString> {
    let mut command = binaries.command("postgres", folder);
    command.extend(["-D".into(), folder.join("data").into()]);
    let address = ["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")];
    for setting in address.iter().chain(settings) {
        command.extend(["-c".into(), setting.into()]);
    }
    command
}

fn settings(durability: Durability) -> Vec<String> {
    let mut settings: Vec<_> = ["unix_socket_directories=", "max_connections=300"].into();
    if durability == Durability::Process {
        settings.extend(["fsync=off", "full_page_writes=off"]);
    }
    settings.into_iter().map(str::to_owned).collect()
}

/// Its own log, since another server may stand at the port.
fn look(folder: &Path) -> Look {
    let log = process::log(folder);
    if log.contains("database system is ready to accept") {
        Look::Ready
    } else if log.contains("database system is shut down") {
        Look::Failed
    } else {
        Look::NotYet
    }
}
