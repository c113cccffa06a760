//! The tasks of this workspace: `cargo xtask test` does everything that a change must pass.
//!
//! Most tasks are a list of commands; nothing here knows what they check.

mod cargo;
mod services;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Tasks of the statewright workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format check, clippy with warnings as errors, and every test of the workspace
    Test,
    /// Accept what snapshots and ui tests print now; read the diff before committing it
    Bless,
    /// Write what is new into the locks of the examples; read the diff before committing it
    Lock,
    /// Print the figures: durable steps per second, replay, build times
    Bench,
    /// Servers for tests and for trying things out: start them, see them, stop them
    #[command(subcommand)]
    Services(services::Task),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Test => cargo::test(),
        Task::Bless => cargo::bless(),
        Task::Lock => cargo::lock(),
        Task::Bench => cargo::bench(),
        Task::Services(task) => services::run(&task),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {}", told(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Whatever ends a task.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
