//! Binaries that are installed on this machine, and their versions.
//!
//! It starts them for nothing but `--version`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps the servers of PostgreSQL, one folder for each version.
const POSTGRES_HOMES: &str = "/usr/lib/postgresql";

/// `name` in the folders of `PATH`, with links followed.
pub(crate) fn in_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter_map(|folder| folder.join(name).canonicalize().ok()).collect()
}

/// Folders that hold the server of PostgreSQL and what sets up its data.
pub(crate) fn postgres_folders() -> Vec<PathBuf> {
    let mut folders: Vec<_> =
        in_path("postgres").iter().filter_map(|binary| binary.parent().map(Path::to_owned)).collect();
    let homes = fs::read_dir(POSTGRES_HOMES).into_iter().flatten().flatten();
    folders.extend(homes.map(|home| home.path().join("bin")));
    folders.retain(|folder| ["postgres", "initdb", "pg_ctl"].iter().all(|name| folder.join(name).exists()));
    folders.sort();
    folders.dedup();
    folders
}

/// Major and minor number of what `binary --version` prints, as `postgres (PostgreSQL) 18.4` or `nats-server: v2.15.1`.
pub(crate) fn version(binary: &Path) -> Option<(u32, u32)> {
    let printed = Command::new(binary).arg("--version").output().ok()?.stdout;
    parse_version(&String::from_utf8_lossy(&printed))
}

fn parse_version(printed: &str) -> Option<(u32, u32)> {
    let start = printed.find(|letter: char| letter.is_ascii_digit())?;
    let mut numbers = printed[start..].split(|letter: char| !letter.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_as_servers_print_them() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some((15, 14)));
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("postgres (PostgreSQL) 19devel\n"), Some((19, 0)));
        assert_eq!(parse_version("none"), None);
    }
}
