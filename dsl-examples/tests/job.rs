//! The main job as a user runs it: resumed, killed, fed with bad rows.

use serde_json::Value;
use statewright::store::{Payload, RecordedEvent, RecordedStep, Store, Unit};
use statewright_sqlite::SqliteStore;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Kills of the job, each at another place.
const ROUNDS: usize = 20;

fn job(input: &Path, store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsl-examples"));
    command.arg(input).arg("--store").arg(store).args(["--report", "json"]);
    command
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A desk of 40 incidents that go round and round, with a refused move now and then.
fn log(folder: &Path) -> PathBuf {
    let mut text = String::from("case,time,status,substatus,impact,product,line,country\n");
    let moves = [
        ("Accepted", "In Progress"),
        ("Accepted", "Wait - User"),
        ("Queued", "Awaiting Assignment"),
        ("Queued", "Awaiting Assignment"),
        ("Completed", "In Call"),
    ];
    for n in 0..4_000 {
        let (status, substatus) = moves[if n >= 3_900 { 4 } else { n / 40 % 4 }];
        let (hour, minute, second) = (n / 3_600, n / 60 % 60, n % 60);
        writeln!(
            text,
            "case-{},2013-05-01T{hour:02}:{minute:02}:{second:02}Z,{status},{substatus},Low,P,A2,Sweden",
            n % 40
        )
        .expect("memory");
    }
    let path = folder.join("log.csv");
    fs::write(&path, text).expect("it is written");
    path
}

#[test]
fn a_rerun_records_nothing_and_reports_the_same() {
    let folder = TempDir::new().expect("a temporary folder");
    let (input, store) = (log(folder.path()), folder.path().join("desk.db"));
    let first = job(&input, &store).output().expect("the job runs");
    let (size, report_of_first) = (records(&store), report(&first));
    assert_eq!(
        (report_of_first["rows"].as_u64(), report_of_first["instances"].as_u64()),
        (Some(4_000), Some(40))
    );
    assert_eq!(report_of_first["rejected"], 60, "only the first call of each incident ends it");
    let again = job(&input, &store).args(["--concurrency", "3"]).output().expect("the job runs");
    assert_eq!(report(&again), report_of_first);
    assert_eq!(records(&store), size);
    assert!(first.status.success() && again.status.success());
}

fn records(store: &Path) -> u64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = SqliteStore::open(store).expect("it opens");
    runtime.block_on(async {
        store.integrity_check().await.expect("the file is whole");
        let mut cursor = statewright::store::Cursor::default();
        let mut count = 0;
        loop {
            let page = store.scan(statewright::store::Shard(0), &cursor, 1_000).await.expect("it reads");
            if page.records.is_empty() {
                return count;
            }
            count += page.records.len() as u64;
            cursor = page.next;
        }
    })
}

/// The input is a pipe, so that the kill comes when the job has taken in a random number of rows, without a clock.
#[test]
fn a_job_that_is_killed_again_and_again_ends_with_the_undisturbed_report() {
    let folder = TempDir::new().expect("a temporary folder");
    let input = log(folder.path());
    let undisturbed = report(&job(&input, &folder.path().join("calm.db")).output().expect("the job runs"));
    let store = folder.path().join("killed.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let lines: Vec<_> = BufReader::new(fs::File::open(&input).expect("it is there"))
        .lines()
        .map(|line| line.expect("text"))
        .collect();
    for _ in 0..ROUNDS {
        kill_after(&lines, &store, rng.usize(1..lines.len()));
    }
    let resumed = job(&input, &store).output().expect("the job runs");
    assert_eq!(report(&resumed), undisturbed);
    assert_eq!(records(&store), 4_000);
}

fn kill_after(lines: &[String], store: &Path, rows: usize) {
    use std::io::Write;
    let mut command = job(Path::new("-"), store);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the job starts");
    let mut pipe = child.stdin.take().expect("it is piped");
    for line in &lines[..rows] {
        writeln!(pipe, "{line}").expect("the job reads");
    }
    pipe.flush().expect("the job reads");
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
}

#[test]
fn bad_rows_are_named_counted_and_left_out() {
    let folder = TempDir::new().expect("a temporary folder");
    let input = folder.path().join("log.csv");
    let text = "case,time,status,substatus,line,country\n1,2013-05-01T00:00:00Z,Accepted,In Progress,A,x\n1,soon,Accepted,Wait,A,x\n\
        1,2013-05-01T00:00:01Z,Accepted,Dreaming,A,x\n1,2013-05-01T00:00:10Z,Completed,Resolved,A,x\n";
    fs::write(&input, text).expect("it is written");
    let output = job(&input, &folder.path().join("desk.db")).output().expect("the job runs");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("line 3: `soon` is no time")
            && said.contains("line 4: unknown status `Accepted` / `Dreaming`"),
        "{said}"
    );
    assert!(said.contains("2 rows could not be read"), "{said}");
    assert_eq!(
        (report(&output)["rows"].as_u64(), report(&output)["seconds_in_state"]["InProgress"].as_u64()),
        (Some(2), Some(10))
    );
}

#[test]
fn what_cannot_be_opened_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let output = job(&folder.path().join("nowhere.csv"), &folder.path().join("desk.db"))
        .output()
        .expect("the job runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("nowhere.csv"), "{said}");
    fs::write(folder.path().join("desk.db"), "no database at all, and long enough to be looked at")
        .expect("it is written");
    let output = job(&log(folder.path()), &folder.path().join("desk.db")).output().expect("the job runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("desk.db"), "{said}");
}

/// A store that a program with version 1 of the event has written.
#[tokio::test]
async fn records_of_version_1_are_read_as_version_2() {
    use dsl_examples::incident::{Incident, IncidentState, IncidentTrigger, Line, Substatus};
    let folder = TempDir::new().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("old.db")).expect("it opens");
    let host = statewright::Host::<Incident>::builder(store).build().await.expect("fine");
    let stream = host.repository().stream("", "old");
    let payload = Payload::of(&serde_json::json!({ "to": "WaitVendor" })).expect("plain");
    let mut step = RecordedStep {
        command: "1".into(),
        trigger: "Move".into(),
        from: "New".into(),
        to: "WaitVendor".into(),
        ..RecordedStep::default()
    };
    step.body.events.push(RecordedEvent { name: "incident.moved".into(), version: 1, payload });
    let append =
        statewright::store::Append { stream, after: statewright::store::Head::default(), steps: vec![step] };
    host.repository().store().append(vec![append], Unit::Each).await;
    let old = host.instance("old");
    let (state, last) =
        old.view(|incident, _| (incident.state(), incident.data().last.clone())).await.expect("it loads");
    assert_eq!((state, last.line.as_str()), (IncidentState::WaitVendor, "unknown"));
    let again = old
        .command("1")
        .fire(IncidentTrigger::Move { to: Substatus::WaitVendor, by: Line::default() })
        .await
        .expect("a repeat");
    assert!(again.duplicate && again.revision.0 == 1);
    host.shutdown().await;
}

/// The desk of a car maker, where it is at hand beside the project.
#[test]
fn real_life_is_run_and_run_again() {
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/incidents.csv.gz");
    if !input.exists() {
        eprintln!("{} is not at hand", input.display());
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let output = job(&input, &folder.path().join("desk.db")).output().expect("the job runs");
    let report = report(&output);
    let counts =
        ["rows", "instances", "accepted", "rejected"].map(|key| report[key].as_u64().unwrap_or_default());
    assert_eq!(counts, [65_533, 7_554, 63_109, 2_424]);
    let seconds = |key: &str| report["seconds_in_compound"][key].as_u64();
    assert_eq!(
        (seconds("Queued"), seconds("Accepted"), seconds("Completed")),
        (Some(1_058_908_775), Some(4_087_262_292), Some(12_168_085_772))
    );
}

fn ask(store: &Path, question: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsl-examples"));
    command.args(question).arg("--store").arg(store).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// At the last row, the past is what the job has reported; before it, less.
#[test]
fn the_past_of_the_desk_is_told() {
    let folder = TempDir::new().expect("a temporary folder");
    let (input, store) = (log(folder.path()), folder.path().join("desk.db"));
    let report = report(&job(&input, &store).output().expect("the job runs"));
    let now = said(&ask(&store, &["report", "--at", "2013-05-01T01:06:39Z"]).output().expect("it runs"));
    assert!(now.starts_with("40 incidents by 2013-05-01T01:06:39Z"), "{now}");
    for (state, seconds) in report["seconds_in_state"].as_object().expect("an object") {
        let count = report["states"][state].as_u64().unwrap_or_default();
        let line = format!("{state:<22} {count:>9} {:>16}", seconds.as_u64().expect("a number"));
        assert!(now.contains(&line), "{line}\n{now}");
    }
    let early = said(&ask(&store, &["report", "--at", "2013-05-01T00:00:09Z"]).output().expect("it runs"));
    assert!(early.starts_with("10 incidents by"), "{early}");
    assert!(early.contains(&format!("{:<22} {:>9} {:>16}", "InProgress", 10, 45)), "{early}");
}

#[test]
fn an_incident_is_told_and_replayed() {
    let folder = TempDir::new().expect("a temporary folder");
    let (input, store) = (log(folder.path()), folder.path().join("desk.db"));
    assert!(job(&input, &store).output().expect("the job runs").status.success());
    let history = said(&ask(&store, &["history", "case-7"]).output().expect("it runs"));
    assert_eq!(history.lines().count(), 100);
    assert!(history.contains("    2 2013-05-01T00:00:47Z InProgress -> WaitUser"), "{history}");
    assert!(history.contains("InCall refused Move"), "{history}");
    let replay = said(&ask(&store, &["replay", "case-7"]).output().expect("it runs"));
    let lines: Vec<_> = replay.lines().take(6).collect();
    assert_eq!(lines[1], r#"    before New {"moves":0,"last":{"line":"","country":""}}"#);
    assert_eq!(lines[5], r#"    after  WaitUser {"moves":2,"last":{"line":"A2","country":"Sweden"}}"#);
    let coloured = ask(&store, &["replay", "case-7"]).env("CLICOLOR_FORCE", "1").output().expect("it runs");
    assert!(said(&coloured).contains('\u{1b}'), "as on a terminal");
    let plain = ask(&store, &["replay", "case-7"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output();
    assert_eq!(said(&plain.expect("it runs")), replay);
    let nobody = ask(&store, &["history", "nobody"]).output().expect("it runs");
    assert!(
        !nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("no incident `nobody`")
    );
    let nowhere = ask(&folder.path().join("nowhere.db"), &["history", "case-7"]).output().expect("it runs");
    assert!(!nowhere.status.success() && !folder.path().join("nowhere.db").exists());
}
