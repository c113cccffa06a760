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
        Task::Bench => &[&["run", "--release", "--locked", "--package", "statewright-benches"]],
    };
    let bless = matches!(task, Task::Bless);
    for step in steps {
        eprintln!("> cargo {}", step.join(" "));
        if let Err(why) = run(step, bless) {
            eprintln!("xtask: `cargo {}` {why}", step.join(" "));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(step: &[&str], bless: bool) -> Result<(), String> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(step).current_dir(root());
    if bless {
        command.env("INSTA_UPDATE", "always").env("TRYBUILD", "overwrite");
    }
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
