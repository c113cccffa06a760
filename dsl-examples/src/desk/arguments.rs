//! What the program is told.

use clap::{Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Runs an incident desk's log through the `Incident` machine, one durable step for each row.
///
/// Run again on the same store, it recognises the rows that are already there. Killed at any moment and run again, it
/// ends with the report of an undisturbed run. Exit code 3: rows could not be read, and were left out.
#[derive(Parser, Debug)]
#[command(version)]
pub(crate) struct Arguments {
    /// What is asked of the incidents that are kept, instead of running the log
    #[command(subcommand)]
    pub(crate) past: Option<Past>,

    /// CSV or CSV.gz with the columns case, time, status, substatus, line, country; `-` reads standard input; without
    /// it a month of a desk is generated
    pub(crate) input: Option<PathBuf>,

    /// What keeps the incidents: a SQLite file, or, where the program was built with these features,
    /// `postgres://user@host/database` or `nats://host`; on those, several processes may run the same log at once
    #[arg(long, value_name = "FILE|URL", default_value = "incidents.db", global = true)]
    pub(crate) store: String,

    /// How the report is printed
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub(crate) report: Form,

    /// Incidents that are worked on at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) concurrency: NonZeroUsize,

    /// Sends spans and metrics to a collector of OpenTelemetry, as `http://localhost:4318`
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) otel: Option<String>,

    /// Seed of the generated month
    #[arg(long, default_value_t = 2013)]
    pub(crate) seed: u64,
}

/// Questions about what was.
#[derive(Subcommand, Debug)]
pub(crate) enum Past {
    /// Where all incidents stood at a time, and how long they had stood where until then
    Report {
        /// As `2013-05-01T12:00:00Z`
        #[arg(long, value_name = "TIME")]
        at: Timestamp,
    },
    /// The records of an incident, refused moves too
    History {
        /// The incident
        case: String,
    },
    /// An incident step by step, with its state and data before and after each
    Replay {
        /// The incident
        case: String,
    },
}

/// Forms of the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Table,
    /// One object, and nothing else on standard output
    Json,
}
