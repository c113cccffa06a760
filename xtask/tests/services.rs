//! Servers that stay until they are told to go.

use statewright_services::{Durability, Nats, folder};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A target folder of our own, which has the packages of the other: a holder may run there.
fn target() -> TempDir {
    drop(Nats::start(Durability::Process).expect("a server"));
    let target = TempDir::new().expect("a folder");
    let services = target.path().join("services");
    std::fs::create_dir(&services).expect("it is ours");
    for package in std::fs::read_dir(folder()).into_iter().flatten().flatten() {
        if package.path().is_dir() {
            symlink(package.path(), services.join(package.file_name())).expect("it is ours");
        }
    }
    target
}

fn services(target: &Path, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("services").args(arguments).env("CARGO_TARGET_DIR", target);
    let output = command.output().expect("it is built");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn answers(lines: &str) -> bool {
    let address = lines.trim().strip_prefix("NATS_URL=nats://").expect("one line for the environment");
    TcpStream::connect(address).is_ok()
}

#[test]
fn up_status_down() {
    let target = target();
    let (done, lines, said) = services(target.path(), &["up", "nats"]);
    assert!(done && answers(&lines), "{said}");
    let (done, again, _) = services(target.path(), &["up", "nats"]);
    assert!(done && again == lines, "it starts no second one");
    let (_, status, _) = services(target.path(), &["status"]);
    assert_eq!(status, lines);
    let (done, _, said) = services(target.path(), &["up", "mongodb"]);
    assert!(!done && said.contains("services down"), "{said}");
    let (done, _, said) = services(target.path(), &["down"]);
    assert!(done && !answers(&lines), "{said}");
    let (_, status, _) = services(target.path(), &["status"]);
    assert_eq!(status, "nothing runs\n");
}

#[test]
fn a_server_that_there_is_not_is_refused() {
    let target = TempDir::new().expect("a folder");
    let (done, _, said) = services(target.path(), &["up", "oracle"]);
    assert!(!done && said.contains("postgres") && said.contains("nats-cluster"), "{said}");
}
