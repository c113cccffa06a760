//! A server that speaks MongoDB's protocol: `SecantusDB`, on MongoDB's own engine for storage. No registry carries
//! `mongod` itself, and one that is installed would have to be set up as a replica set: name it by `MONGODB_URL`.
//!
//! Databases are the asker's.

use crate::error::{ServiceError, Tried, told};
use crate::install;
use crate::process::{self, Durability, Look, Plan, Process, at_free_port};
use std::ffi::OsString;
use std::path::Path;

const SERVER: &str = "MongoDB";

const ADVICE: &str = "install python3 with venv (Debian: python3-venv), or set MONGODB_URL";

/// As PyPI has it.
const PYPI: (&str, &str) = ("SecantusDB", "0.7.0b3");

/// A private server of MongoDB's protocol.
#[derive(Debug)]
pub struct Mongodb {
    process: Process,
    port: u16,
}

impl Mongodb {
    /// Starts one.
    ///
    /// # Errors
    /// It cannot be installed, or does not start.
    pub fn start(durability: Durability) -> Result<Self, ServiceError> {
        let home = install::python(PYPI.0, PYPI.1, true).map_err(|error| ServiceError::Missing {
            server: SERVER,
            tried: vec![Tried { what: "PyPI".to_owned(), why: told(&error) }],
            advice: ADVICE,
        })?;
        at_free_port(|port| {
            let folder = process::folder()?;
            let mut command: Vec<OsString> =
                vec![home.join("bin/python").into(), home.join("bin/secantusd-py").into()];
            command.extend(["--host", "127.0.0.1", "--port", &port.to_string()].map(OsString::from));
            command.push("--enable-test-commands".into());
            command.extend(["--storage-path".into(), folder.path().join("data").into()]);
            command.extend((durability == Durability::Full).then(|| "--sync-on-commit".into()));
            let plan = Plan { server: SERVER, folder, signal: "TERM", command, proof: Box::new(look) };
            let server = Self { process: Process::launch(plan)?, port };
            server.process.wait()?;
            Ok(server)
        })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }

    /// Kills it with -9; returns when it is gone.
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

/// Its own log, since another server may stand at the port.
fn look(folder: &Path) -> Look {
    let log = process::log(folder);
    if log.contains("secantus listening on") {
        Look::Ready
    } else if log.contains("Traceback") {
        Look::Failed
    } else {
        Look::NotYet
    }
}
