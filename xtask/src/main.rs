//! The tasks of this workspace: `cargo xtask test` does everything that a change must pass.
//!
//! Each task is a list of commands; nothing here knows what they check.

use clap::{Parser, Subcommand};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

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
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let steps: &[&[&str]] = match task {
        Task::Test => &[
            &["fmt", "--all", "--check"],
            &["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"],
            &["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"],
        ],
        Task::Bless => &[&["test", "--package", "statewright-macros", "--package", "statewright-ui-tests"]],
        Task::Lock => &[&["test", "--package", "dsl-examples", "--lib", "locked"]],
        Task::Bench => &[&["run", "--release", "--locked", "--package", "statewright-benches"]],
    };
    let updates: &[(&str, &str)] = match task {
        Task::Bless => &[("INSTA_UPDATE", "always"), ("TRYBUILD", "overwrite")],
        Task::Lock => &[("STATEWRIGHT_LOCK", "update")],
        Task::Test | Task::Bench => &[],
    };
    for step in steps {
        eprintln!("> cargo {}", step.join(" "));
        if let Err(why) = run(step, updates) {
            eprintln!("xtask: `cargo {}` {why}", step.join(" "));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(step: &[&str], updates: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(step).current_dir(root()).envs(updates.iter().copied());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ended with {status}")),
        Err(cause) => Err(format!("could not be started: {cause}")),
    }
}

/// The workspace's root: the folder above this package.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
