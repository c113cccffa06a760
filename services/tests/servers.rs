//! Servers start, answer, and end with whoever asked for them.

use statewright_services::{Durability, Kind, Nats, NatsCluster, Postgres, PostgresPair};
#[cfg(target_os = "linux")]
use statewright_services::{NatsApart, Network};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest that a server may take to end after its asker was killed.
const END_MAX: Duration = Duration::from_secs(20);

/// A folder in which whoever runs a server may look.
fn open_folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

/// Another process that asks for a server; the answer is where that is.
fn ask(kind: Kind, temporary: &Path, environment: &[(&str, &str)]) -> (Child, String) {
    ask_for(kind.name(), kind, temporary, environment)
}

fn ask_for(name: &str, kind: Kind, temporary: &Path, environment: &[(&str, &str)]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hold"));
    command.arg(name).env("TMPDIR", temporary).env_remove(kind.variable());
    command.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it is built");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url =
        line.trim().strip_prefix(kind.variable()).and_then(|line| line.strip_prefix('=')).unwrap_or_default();
    (child, url.to_owned())
}

/// The addresses that a URL names.
fn addresses(url: &str) -> Vec<SocketAddr> {
    let address = |part: &str| {
        let (_, place) = part.split_once("://")?;
        let place = place.rsplit('@').next()?;
        place.split('/').next()?.parse().ok()
    };
    url.split(',').filter_map(address).collect()
}

fn connects(address: &SocketAddr) -> bool {
    TcpStream::connect_timeout(address, Duration::from_secs(1)).is_ok()
}

fn answers(url: &str) -> bool {
    let addresses = addresses(url);
    !addresses.is_empty() && addresses.iter().all(connects)
}

fn is_silent(url: &str) -> bool {
    !addresses(url).iter().any(connects)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("it is there").next().is_none()
}

/// Looks until it is so; a server that stays makes it fail.
fn wait_for(what: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < END_MAX {
        if what() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

fn ends_with_its_asker(kind: Kind) {
    let folder = open_folder();
    let (mut asker, url) = ask(kind, folder.path(), &[]);
    assert!(answers(&url), "{url}");
    assert!(!is_empty(folder.path()));
    asker.kill().expect("it runs");
    asker.wait().expect("it was killed");
    assert!(wait_for(|| is_silent(&url)), "the server outlives its asker");
    assert!(wait_for(|| is_empty(folder.path())), "its folder is left behind");
}

#[test]
fn postgres_ends_with_an_asker_that_is_killed() {
    ends_with_its_asker(Kind::Postgres);
}

#[test]
fn nats_ends_with_an_asker_that_is_killed() {
    ends_with_its_asker(Kind::Nats);
}

#[test]
fn a_cluster_ends_with_an_asker_that_is_killed() {
    ends_with_its_asker(Kind::NatsCluster);
}

#[test]
fn mongodb_ends_with_an_asker_that_is_killed() {
    ends_with_its_asker(Kind::Mongodb);
}

#[test]
fn an_asker_that_ends_by_itself_leaves_no_server() {
    let folder = open_folder();
    let (mut asker, url) = ask(Kind::Nats, folder.path(), &[]);
    drop(asker.stdin.take());
    assert!(asker.wait().expect("its input has ended").success());
    assert!(wait_for(|| is_silent(&url) && is_empty(folder.path())));
}

#[test]
fn processes_that_ask_at_once_get_servers_of_their_own() {
    let folder = open_folder();
    let path = folder.path();
    let urls: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(Kind::Nats, path, &[]))).collect();
        asked.into_iter().map(|asked| asked.join().expect("it does not panic")).collect()
    });
    for (place, (_, url)) in urls.iter().enumerate() {
        assert!(answers(url), "{url}");
        assert!(urls[..place].iter().all(|(_, other)| other != url));
    }
    for (mut asker, url) in urls {
        asker.kill().expect("it runs");
        asker.wait().expect("it was killed");
        assert!(wait_for(|| is_silent(&url)));
    }
    assert!(wait_for(|| is_empty(path)));
}

#[test]
fn what_the_environment_names_is_taken() {
    for kind in Kind::ALL {
        let folder = open_folder();
        let (mut asker, url) =
            ask(kind, folder.path(), &[(kind.variable(), "somewhere://else"), ("PATH", "")]);
        assert_eq!(url, "somewhere://else");
        assert!(is_empty(folder.path()));
        asker.kill().expect("it runs");
        asker.wait().expect("it was killed");
    }
}

#[test]
fn an_error_says_what_was_tried_and_what_helps() {
    let folder = open_folder();
    let target = folder.path().join("target");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hold"));
    command.arg("mongodb").env_remove("MONGODB_URL").env("PATH", "").env("CARGO_TARGET_DIR", target);
    let output = command.stdin(Stdio::null()).output().expect("it is built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("python3") && said.contains("MONGODB_URL"), "{said}");
}

#[test]
fn a_server_that_was_killed_starts_again_at_its_place() {
    let server = Postgres::start(Durability::Full).expect("a server");
    assert!(answers(&server.url()));
    server.kill().expect("it runs");
    assert!(is_silent(&server.url()));
    server.restart().expect("it starts again");
    assert!(answers(&server.url()));
}

#[test]
fn a_version_is_that_version() {
    let server = Postgres::start_version(18, Durability::Process).expect("a server");
    assert_eq!(server.major(), 18);
    assert!(answers(&server.url()));
}

#[test]
fn two_of_three_nodes_are_a_cluster() {
    let cluster = NatsCluster::start(3, Durability::Process).expect("a cluster");
    let [first, second, third] = cluster.nodes() else { panic!("three nodes") };
    first.kill().expect("it runs");
    assert!(is_silent(&first.url()) && answers(&second.url()) && answers(&third.url()));
    first.restart().expect("it starts again");
    assert!(answers(&cluster.url()));
}

/// A network, where one can be made; under CI it is a failure if none can.
#[cfg(target_os = "linux")]
fn network() -> Option<Network> {
    match Network::new(3) {
        Ok(network) => Some(network),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            println!("no node is cut off: {error}");
            None
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_node_is_cut_off_and_mended() {
    let Some(network) = network() else { return };
    let apart = NatsApart::start(network, Durability::Process).expect("a cluster");
    let [first, second, third] = apart.cluster().nodes() else { panic!("three nodes") };
    assert!(answers(&apart.cluster().url()));
    apart.cut(first).expect("its links are there");
    assert!(is_silent(&first.url()) && answers(&second.url()) && answers(&third.url()));
    apart.mend(first).expect("its links are there");
    assert!(wait_for(|| answers(&first.url())));
    apart.cut_from_peers(second).expect("its link is there");
    assert!(answers(&second.url()));
    second.kill().expect("it runs");
    assert!(is_silent(&second.url()), "it ran on its host");
    apart.mend(second).expect("its links are there");
    second.restart().expect("it finds its peers");
}

#[test]
#[cfg(target_os = "linux")]
fn hosts_and_links_end_with_an_asker_that_is_killed() {
    if network().is_none() {
        return;
    }
    let folder = open_folder();
    let (mut asker, url) = ask_for("apart", Kind::NatsCluster, folder.path(), &[]);
    assert!(answers(&url), "{url}");
    let links = format!("sw{}n", asker.id());
    let has_links = || fs::read_to_string("/proc/self/net/dev").expect("Linux has it").contains(&links);
    assert!(has_links());
    asker.kill().expect("it runs");
    asker.wait().expect("it was killed");
    assert!(wait_for(|| !has_links()), "its links are left behind");
    assert!(wait_for(|| is_empty(folder.path())), "its servers outlive it");
}

#[test]
fn a_standby_takes_the_place_of_its_primary() {
    let pair = PostgresPair::start(Durability::Process).expect("a pair");
    assert!(answers(&pair.url()));
    pair.primary().kill().expect("it runs");
    assert!(is_silent(&pair.primary().url()));
    pair.promote().expect("the standby is there");
    assert!(answers(&pair.standby().url()));
}

#[test]
fn what_is_dropped_is_gone() {
    let server = Nats::start(Durability::Full).expect("a server");
    let url = server.url();
    assert!(answers(&url));
    drop(server);
    assert!(is_silent(&url));
}

#[test]
fn a_pooler_ends_before_its_server() {
    let server = Postgres::start(Durability::Process).expect("a server");
    let behind = server.url();
    let pooler = server.behind_pgbouncer(2).expect("a pooler");
    let url = pooler.url();
    assert!(answers(&url) && url != behind && pooler.server().url() == behind);
    pooler.kill().expect("it runs");
    assert!(is_silent(&url) && answers(&behind));
    pooler.restart().expect("it starts again");
    assert!(answers(&url));
    drop(pooler);
    assert!(is_silent(&url) && is_silent(&behind));
}
