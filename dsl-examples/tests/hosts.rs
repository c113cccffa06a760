//! The main job several times at once, on one store: every one reports what a single one does, whatever is killed.

use serde_json::Value;
use statewright_services::{Durability, NatsCluster, Postgres};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use tempfile::TempDir;

const ROWS: usize = 3_000;
const INCIDENTS: usize = 40;

fn job(store: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsl-examples"));
    command.args(["-", "--report", "json", "--store", store]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The rows of a desk, shuffled: many moves are refused then, and who refuses must refuse the same ones.
fn log(rng: &mut fastrand::Rng) -> Vec<String> {
    let moves = [
        ("Accepted", "In Progress"),
        ("Accepted", "Wait - User"),
        ("Queued", "Awaiting Assignment"),
        ("Completed", "Resolved"),
        ("Completed", "Closed"),
    ];
    let row = |n: usize| {
        // Few incidents are closed early, or all that follows were refused.
        let (status, substatus) = moves[if n.is_multiple_of(400) { 4 } else { n / INCIDENTS % 4 }];
        let mut row = format!("case-{},2013-05-01T{:02}:", n % INCIDENTS, n / 3_600);
        write!(row, "{:02}:{:02}Z,{status},{substatus},A2,Sweden", n / 60 % 60, n % 60).expect("memory");
        row
    };
    let mut rows: Vec<_> = (0..ROWS).map(row).collect();
    rng.shuffle(&mut rows);
    rows
}

/// Starts the job and feeds it these rows; it may be gone before it has read them.
fn feed(store: &str, rows: &[String]) -> Child {
    let mut child = job(store).spawn().expect("it is built");
    let mut pipe = child.stdin.take().expect("it is piped");
    let header = "case,time,status,substatus,line,country";
    let fed = std::iter::once(header).chain(rows.iter().map(String::as_str));
    let _ = fed.map(|row| writeln!(pipe, "{row}")).find(Result::is_err);
    child
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Feeds it everything; the answer is what it reports.
fn run(store: &str, rows: &[String]) -> Value {
    report(&feed(store, rows).wait_with_output().expect("it runs"))
}

/// Three at once, two of which are killed again and again while they work, and run to the end at last.
fn hosts_report_what_one_reports(store: &str) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let rows = log(&mut rng);
    let folder = TempDir::new().expect("a temporary folder");
    let alone = run(&folder.path().join("alone.db").display().to_string(), &rows);
    assert_eq!(alone["rows"].as_u64(), Some(ROWS as u64));
    assert!(alone["rejected"].as_u64() > Some(100) && alone["accepted"].as_u64() > Some(100), "{alone}");
    let kills: Vec<Vec<usize>> =
        (0..3).map(|host| (0..3 * host.min(1)).map(|_| rng.usize(1..ROWS)).collect()).collect();
    let reports: Vec<_> = thread::scope(|scope| {
        let host = |kills: &Vec<usize>| {
            let (rows, kills) = (&rows, kills.clone());
            scope.spawn(move || {
                for kill in kills {
                    let mut killed = feed(store, &rows[..kill]);
                    killed.kill().expect("it was not waited for");
                    killed.wait().expect("it was killed");
                }
                run(store, rows)
            })
        };
        let hosts: Vec<_> = kills.iter().map(host).collect();
        hosts.into_iter().map(|host| host.join().expect("it does not panic")).collect()
    });
    for report in reports {
        assert_eq!(report, alone);
    }
    let again = run(store, &rows);
    assert_eq!(again, alone, "who comes late is told the same");
}

#[test]
fn on_postgres_every_host_reports_what_one_reports() {
    let server = Postgres::start(Durability::Process).expect("a server");
    hosts_report_what_one_reports(&server.url());
}

#[test]
fn on_nats_every_host_reports_what_one_reports() {
    let cluster = NatsCluster::start(3, Durability::Process).expect("a cluster");
    hosts_report_what_one_reports(&cluster.url());
}

#[test]
fn a_store_that_there_is_not_is_named() {
    for (store, name) in [
        ("mysql://root:secret@127.0.0.1/desk", "mysql"),
        ("postgres://u:secret@127.0.0.1:1/desk", "127.0.0.1"),
    ] {
        let output = feed(store, &[]).wait_with_output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(name) && !said.contains("secret"), "{said}");
    }
}

/// What was is told from a server as well.
#[test]
fn an_incident_on_postgres_is_told() {
    let server = Postgres::start(Durability::Process).expect("a server");
    let ask = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dsl-examples"));
        command.args(["history", "case-1", "--store", &server.url()]);
        command.output().expect("it is built")
    };
    assert!(!ask().status.success(), "there is no store yet");
    run(&server.url(), &["case-1,2013-05-01T00:00:00Z,Accepted,In Progress,A2,Sweden".to_owned()]);
    let told = ask();
    assert!(String::from_utf8_lossy(&told.stdout).contains("New -> InProgress"), "{told:?}");
    assert!(!Path::new(&server.url()).exists());
}
