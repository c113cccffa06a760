//! Tasks that are commands of `cargo`, one behind the other until one fails.
//!
//! It does not know what they check.

use crate::Failure;
use statewright_services::{Kind, Server, ServiceError};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables of the environment.
type Variables = Vec<(&'static str, String)>;

pub(crate) fn test() -> Result<(), Failure> {
    let checks: &[&[&str]] = &[
        &["fmt", "--all", "--check"],
        &["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"],
    ];
    // A fresh machine builds once: what helps to build again would be more than a third of all that is written.
    let once = env::var_os("CI").is_some().then(|| ("CARGO_INCREMENTAL", "0".to_owned()));
    run_all(checks, &once.clone().into_iter().collect())?;
    // One server of each kind for all tests; those that kill one start their own.
    let servers = Kind::ALL.into_iter().map(|kind| Ok((kind, kind.get()?)));
    let servers = servers.collect::<Result<Vec<(Kind, Server)>, ServiceError>>()?;
    let urls = servers.iter().map(|(kind, server)| (kind.variable(), server.url().to_owned()));
    let variables = urls.chain(once).collect();
    run_all(&[&["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"]], &variables)
}

pub(crate) fn bless() -> Result<(), Failure> {
    let update = [("INSTA_UPDATE", "always"), ("TRYBUILD", "overwrite")];
    run_all(
        &[&["test", "--package", "statewright-macros", "--package", "statewright-ui-tests"]],
        &update.map(|(name, value)| (name, value.to_owned())).into(),
    )
}

pub(crate) fn lock() -> Result<(), Failure> {
    let update = vec![("STATEWRIGHT_LOCK", "update".to_owned())];
    run_all(&[&["test", "--package", "dsl-examples", "--lib", "locked"]], &update)
}

pub(crate) fn bench() -> Result<(), Failure> {
    run_all(&[&["run", "--release", "--locked", "--package", "statewright-benches"]], &Variables::new())
}

fn run_all(steps: &[&[&str]], variables: &Variables) -> Result<(), Failure> {
    for step in steps {
        let said = format!("cargo {}", step.join(" "));
        eprintln!("> {said}");
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(*step).current_dir(root()).envs(variables.iter().map(|(name, value)| (name, value)));
        let status = command.status().map_err(|cause| format!("`{said}` could not be started: {cause}"))?;
        if !status.success() {
            return Err(format!("`{said}` ended with {status}").into());
        }
    }
    Ok(())
}

/// The workspace's root: the folder above this package.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
