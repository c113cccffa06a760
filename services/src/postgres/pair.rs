//! A primary whose commits wait for its standby, on one machine.
//!
//! Who is asked after the primary is gone is the asker's to say: nothing fails over by itself.

use super::{Binaries, Postgres, SERVER, settings};
use crate::error::{CommandError, ServiceError};
use crate::nobody::prepared;
use crate::process::{self, Durability, free_port, run};
use std::ffi::OsString;
use std::fs;
use std::process::Command;

/// Kept for a standby that comes late.
const KEPT: &str = "wal_keep_size=1GB";

/// A primary and a standby; a commit is acknowledged when the standby shows it.
#[derive(Debug)]
pub struct PostgresPair {
    primary: Postgres,
    standby: Postgres,
    promote: Vec<OsString>,
}

impl PostgresPair {
    /// A pair of the newest version that is installed, or of 18.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start(durability: Durability) -> Result<Self, ServiceError> {
        let binaries = Binaries::any()?;
        let (first, second) = (process::folder()?, process::folder()?);
        binaries.set_up(first.path())?;
        binaries.set_up(second.path())?;
        // A standby begins as a copy of its primary that never ran.
        let (from, to) = (first.path().join("data"), second.path().join("data"));
        fs::remove_dir_all(&to).map_err(|source| ServiceError::Folder { path: to.clone(), source })?;
        run(Command::new("cp").arg("-a").args([&from, &to])).map_err(prepare)?;
        let signal = to.join("standby.signal");
        fs::write(&signal, "").map_err(|source| ServiceError::Folder { path: signal, source })?;
        let mut promote = binaries.command("pg_ctl", second.path());
        promote.extend(["promote".into(), "-w".into(), "-D".into(), to.into()]);

        let (port, other) = (free_port()?, free_port()?);
        let mut settings = settings(durability);
        settings.extend([KEPT.to_owned(), "synchronous_commit=remote_apply".to_owned()]);
        let follows =
            format!("primary_conninfo=host=127.0.0.1 port={port} user=postgres application_name=standby");
        let standby = [settings.clone(), vec![follows]].concat();
        settings.push("synchronous_standby_names=standby".to_owned());
        let primary = Postgres::launch(&binaries, first, port, &settings)?;
        primary.process.wait()?;
        let standby = Postgres::launch(&binaries, second, other, &standby)?;
        standby.process.wait()?;
        Ok(Self { primary, standby, promote })
    }

    /// The one that takes writes, until it is killed.
    pub fn primary(&self) -> &Postgres {
        &self.primary
    }

    /// The one that follows, until it is promoted.
    pub fn standby(&self) -> &Postgres {
        &self.standby
    }

    /// Both in one address, for clients that look for the one that takes writes.
    pub fn url(&self) -> String {
        let (primary, standby) = (self.primary.port, self.standby.port);
        format!(
            "postgres://postgres@127.0.0.1:{primary},127.0.0.1:{standby}/postgres?target_session_attrs=read-write"
        )
    }

    /// Makes the standby take writes; returns when it does. The primary is to be killed before.
    ///
    /// # Errors
    /// It does not.
    pub fn promote(&self) -> Result<(), ServiceError> {
        run(&mut prepared(&self.promote)).map(drop).map_err(prepare)
    }
}

fn prepare(source: CommandError) -> ServiceError {
    ServiceError::Prepare { server: SERVER, source }
}
