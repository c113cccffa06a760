//! pgbouncer in front of a server, handing every transaction to whichever connection is free.
//!
//! It runs what is installed, else Debian's package; other systems have to install it.

use super::Postgres;
use crate::error::{ServiceError, Tried, told};
use crate::find;
use crate::install;
use crate::nobody;
use crate::process::{self, Look, Plan, Process, at_free_port};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const SERVER: &str = "pgbouncer";

const ADVICE: &str = "install pgbouncer 1.18 or newer";

/// The oldest version that is taken where it is installed.
const OLDEST: (u32, u32) = (1, 18);

/// As Debian 12 has it.
const DEBIAN: (&str, &str) = ("pgbouncer", "1.18.0-1+deb12u1");

/// What of it a small system lacks; the system says in which version.
const LIBRARIES: [&str; 2] = ["libevent-2.1-7", "libc-ares2"];

/// Connections of clients that it takes.
const CLIENTS_MAX: u16 = 1_000;

/// A pooler and the private server behind it.
#[derive(Debug)]
pub struct Pgbouncer {
    // Dropped first.
    process: Process,
    port: u16,
    server: Postgres,
}

impl Pgbouncer {
    pub(super) fn start(server: Postgres, connections: u16) -> Result<Self, ServiceError> {
        let binary = binary()?;
        let (process, port) = at_free_port(|port| {
            let folder = process::folder()?;
            let settings = folder.path().join("pgbouncer.ini");
            let users = folder.path().join("users");
            let text = configuration((server.port, port), &users, connections);
            for (path, text) in [(&settings, &*text), (&users, "\"postgres\" \"\"\n")] {
                fs::write(path, text)
                    .map_err(|source| ServiceError::Folder { path: path.clone(), source })?;
            }
            nobody::give(folder.path())?;
            let mut command = nobody::command(&binary.path, folder.path());
            command.push(settings.into());
            if let Some(libraries) = &binary.libraries {
                let mut first = OsString::from("LD_LIBRARY_PATH=");
                first.push(libraries);
                command.splice(0..0, ["env".into(), first]);
            }
            // The signal that every version takes for: at once.
            let plan = Plan { server: SERVER, folder, signal: "QUIT", command, proof: Box::new(look) };
            let process = Process::launch(plan)?;
            process.wait()?;
            Ok((process, port))
        })?;
        Ok(Self { process, port, server })
    }

    /// Where it is, for the role `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// What stands behind it.
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    /// Kills it with -9, and no server; returns when it is gone.
    ///
    /// # Errors
    /// The process that watches over it is gone, and with it the pooler.
    pub fn kill(&self) -> Result<(), ServiceError> {
        self.process.kill()
    }

    /// Starts it again after [`kill`](Self::kill), at the same port; returns when it takes clients.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn restart(&self) -> Result<(), ServiceError> {
        self.process.relaunch()?;
        self.process.wait()
    }
}

struct Binary {
    path: PathBuf,
    /// Where its libraries are, if not where the system has them.
    libraries: Option<PathBuf>,
}

fn binary() -> Result<Binary, ServiceError> {
    let mut installed = find::in_path(SERVER);
    installed.push("/usr/sbin/pgbouncer".into());
    let recent = |path: &PathBuf| find::version(path).is_some_and(|version| version >= OLDEST);
    if let Some(path) = installed.into_iter().find(recent) {
        return Ok(Binary { path, libraries: None });
    }
    let (package, version) = DEBIAN;
    match install::debian(package, version, &LIBRARIES) {
        Ok(home) => {
            let libraries = home.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
            Ok(Binary { path: home.join("usr/sbin/pgbouncer"), libraries: Some(libraries) })
        }
        Err(error) => {
            let (major, minor) = OLDEST;
            let none = format!("none of {major}.{minor} or newer");
            let tried = [("installed binaries", none), ("Debian's package", told(&error))];
            let tried = tried.map(|(what, why)| Tried { what: what.to_owned(), why }).into();
            Err(ServiceError::Missing { server: SERVER, tried, advice: ADVICE })
        }
    }
}

/// `ports` are those of the server and of the pooler.
fn configuration(ports: (u16, u16), users: &Path, connections: u16) -> String {
    let ((server, own), users) = (ports, users.display());
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {users}\n\
         pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = {CLIENTS_MAX}\n"
    )
}

/// Its own log, since another pooler may stand at the port.
fn look(folder: &Path) -> Look {
    let log = process::log(folder);
    if log.contains("process up") {
        Look::Ready
    } else if log.contains("FATAL") || log.contains("error while loading") {
        Look::Failed
    } else {
        Look::NotYet
    }
}
