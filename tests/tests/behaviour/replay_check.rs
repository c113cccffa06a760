//! Records of one release, held against the code of another: each finding stands where it should, and nowhere else.

use super::restored;
use statewright::replay::{Decided, ReplayCheck, Report, Sample, Today, Verdict};
use statewright::store::{MemoryStore, Store, StreamId};
use statewright::{Host, Machine};
use statewright_sqlite::SqliteStore;
use statewright_tests::address::instance;
use statewright_tests::ticket::{v1, v2};
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;

async fn host<M: Machine>(store: &Arc<dyn Store>) -> Host<M> {
    Host::builder(Arc::clone(store)).effects_elsewhere().snapshot_every(2).build().await.expect("fine")
}

fn old(text: &str) -> v1::TicketTrigger {
    v1::TicketTrigger::Note { text: text.to_owned() }
}

fn new(text: &str) -> v2::TicketTrigger {
    v2::TicketTrigger::Note { text: text.to_owned(), author: "ann".to_owned() }
}

/// What release 1 records.
async fn write_old(store: &Arc<dyn Store>) {
    use v1::TicketTrigger::{Reopen, Shelve, Solve};
    let host = host::<v1::Ticket>(store).await;
    let scripts: [(&str, Vec<v1::TicketTrigger>); 7] = [
        ("plain", vec![old("a"), Shelve, Reopen, old("b"), Solve]),
        ("thrice", vec![old("a"), old("b"), old("c"), Solve, Shelve]),
        ("reopened", vec![old("a"), Solve, Reopen]),
        ("noted", vec![old("a"), Solve, old("late")]),
        ("deleted", vec![old("a"), Solve, Reopen]),
        ("begun", vec![]),
        ("refused", vec![Shelve]),
    ];
    for (ticket, script) in scripts {
        host.instance(ticket).start().await.expect("it has not begun");
        for trigger in script {
            host.instance(ticket).fire(trigger).await.expect("accepted");
        }
    }
    host.instance("deleted").delete().await.expect("it is there");
    let refused = host.instance("refused").command("x").record_rejection().fire(Solve).await;
    assert!(refused.expect_err("it is shelved").rejection().is_some());
    host.shutdown().await;
}

/// What release 2 records.
async fn write_new(store: &Arc<dyn Store>) {
    let host = host::<v2::Ticket>(store).await;
    let fire = async |ticket, trigger| host.instance(ticket).fire(trigger).await.expect("accepted");
    fire("version", new("a")).await;
    fire("name", v2::TicketTrigger::HandOn { to: "ben".to_owned() }).await;
    fire("state", v2::TicketTrigger::Ask).await;
    fire("common", v2::TicketTrigger::Solve).await;
    // What cannot be loaded outweighs what is decided differently.
    fire("thrice", v2::TicketTrigger::Reopen).await;
    fire("thrice", new("d")).await;
    // What is deleted is looked at by nobody, whatever stands before.
    fire("gone", v2::TicketTrigger::Ask).await;
    host.instance("gone").delete().await.expect("it is there");
    host.shutdown().await;
}

/// The verdict on every instance, in the order in which they were found.
async fn verdicts<M: Machine>(check: &ReplayCheck<M>) -> Vec<(String, u64, Verdict)> {
    let (mut findings, mut found) = (check.findings(), Vec::new());
    while let Some(finding) = findings.next().await.expect("the store answers") {
        found.push((finding.stream.instance.to_string(), finding.revision.0, finding.verdict));
    }
    found
}

fn named(found: Vec<(String, u64, Verdict)>) -> BTreeMap<String, (u64, Verdict)> {
    let count = found.len();
    let named: BTreeMap<_, _> =
        found.into_iter().map(|(name, revision, found)| (name, (revision, found))).collect();
    assert_eq!(named.len(), count, "one finding for each instance");
    named
}

fn other(what: (&str, &str), recorded: (&str, &[&str]), today: Today) -> Verdict {
    let (trigger, from) = (what.0.to_owned(), what.1.to_owned());
    Verdict::OtherTarget { trigger, from, recorded: decided(recorded.0, recorded.1), today }
}

fn decided(to: &str, events: &[&str]) -> Decided {
    Decided { to: to.to_owned(), events: events.iter().map(|&event| event.to_owned()).collect() }
}

async fn on(store: Arc<dyn Store>) {
    write_old(&store).await;
    let forward = named(verdicts(&ReplayCheck::<v2::Ticket>::new(Arc::clone(&store))).await);
    let checking = decided("Checking", &["ticket.solved"]);
    let expected = [
        ("begun", 1, Verdict::Same),
        (
            "noted",
            4,
            other(("Note", "Done"), ("Open", &["ticket.noted"]), Today::Possible(vec!["Done".to_owned()])),
        ),
        ("plain", 6, Verdict::Same),
        ("refused", 3, Verdict::Same),
        (
            "reopened",
            4,
            Verdict::NotAccepted {
                trigger: "Reopen".to_owned(),
                from: "Done".to_owned(),
                why: "`Ticket` in `Done` does not handle `Reopen`".to_owned(),
            },
        ),
        ("thrice", 5, other(("Solve", "Open"), ("Done", &["ticket.solved"]), Today::Decided(checking))),
    ];
    assert_eq!(forward, expected.map(|(name, revision, found)| (name.to_owned(), (revision, found))).into());
    let unchanged = named(verdicts(&ReplayCheck::<v1::Ticket>::new(Arc::clone(&store))).await);
    assert!(
        unchanged.len() == 6 && unchanged.values().all(|(_, found)| *found == Verdict::Same),
        "{unchanged:?}"
    );
    write_new(&store).await;
    let back = named(verdicts(&ReplayCheck::<v1::Ticket>::new(store)).await);
    assert!(back.len() == 10 && !back.contains_key("gone"), "{back:?}");
    for (name, (revision, found)) in back {
        match (&*name, found) {
            ("version" | "name", Verdict::Undecodable { why }) => {
                assert!(revision == 1 && why.contains("newer host"), "{why}");
            }
            ("thrice", Verdict::Undecodable { .. }) => assert_eq!(revision, 8),
            ("state", Verdict::StateGone { state, .. }) => assert_eq!((revision, &*state), (1, "Waiting")),
            (_, Verdict::Same) => {
                assert!(!["version", "name", "thrice", "state"].contains(&&*name), "{name}");
            }
            (_, found) => panic!("{name}: {found}"),
        }
    }
}

#[tokio::test]
async fn each_finding_stands_where_it_should_in_memory() {
    on(Arc::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn each_finding_stands_where_it_should_on_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    on(Arc::new(SqliteStore::open(folder.path().join("tickets.db")).expect("it opens"))).await;
}

#[tokio::test]
async fn a_report_counts_prints_and_ends_a_program() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    write_old(&store).await;
    let (mut seen, check) = (Vec::new(), ReplayCheck::<v2::Ticket>::new(Arc::clone(&store)));
    let report = check.run(|report| seen.push(report.checked)).await.expect("memory");
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
    assert_eq!((report.checked, report.same, report.other_target, report.not_accepted), (6, 3, 2, 1));
    assert_eq!(code(&report), 1);
    let text = report.to_string();
    let mut lines: Vec<_> = text.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "6 instances of `Ticket` against version 2: 3 same, 2 other target, 1 not accepted, 0 undecodable, 0 state gone",
            "`Ticket/noted`, record 4: `Note` in `Done` led to `Open` with ticket.noted, today to `Done`",
            "`Ticket/reopened`, record 4: `Reopen` in `Done` is not accepted any more: `Ticket` in `Done` does not handle `Reopen`",
            "`Ticket/thrice`, record 5: `Solve` in `Open` led to `Done` with ticket.solved, today to `Checking` with ticket.solved",
        ]
    );
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(3));
    let plain =
        ReplayCheck::<v2::Ticket>::new(Arc::clone(&store)).instances(|stream| *stream.instance == *"plain");
    assert_eq!(code(&plain.run(|_| ()).await.expect("memory")), 0);
    let nobody = ReplayCheck::<v2::Ticket>::new(store).tenant("acme").run(|_| ()).await.expect("memory");
    assert_eq!((nobody.checked, code(&nobody)), (0, 2), "a check that looks at nothing is no success");
}

/// `ExitCode` can only be compared as text.
fn code(report: &Report) -> u8 {
    let text = format!("{:?}", report.exit_code());
    (0..=u8::MAX).find(|code| format!("{:?}", std::process::ExitCode::from(*code)) == text).expect("a code")
}

#[tokio::test]
async fn a_sample_is_the_same_every_time_and_about_as_large_as_asked() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host = host::<Door>(&store).await;
    for n in 0..1_000 {
        let tenant = if n % 2 == 0 { "acme" } else { "" };
        instance(&host, tenant, &n.to_string()).start().await.expect("it has not begun");
    }
    let sampled =
        async |n| verdicts(&ReplayCheck::<Door>::new(Arc::clone(&store)).sample(Sample::OneIn(n))).await;
    let tenth = sampled(10).await;
    assert!((60..140).contains(&tenth.len()), "{}", tenth.len());
    assert_eq!(tenth, sampled(10).await);
    assert_eq!((sampled(0).await.len(), sampled(1).await.len()), (1_000, 1_000));
    let acme = ReplayCheck::<Door>::new(Arc::clone(&store)).tenant("acme");
    assert_eq!(verdicts(&acme).await.len(), 500);
}

/// One reader for many instances, and a caller who reads while they are under way.
#[tokio::test]
async fn instances_side_by_side_do_not_wait_for_their_caller() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(SqliteStore::open(folder.path().join("doors.db")).expect("it opens"));
    let shared: Arc<dyn Store> = store.clone();
    let host = host::<Door>(&shared).await;
    for n in 0..600 {
        host.instance(&n.to_string()).start().await.expect("it has not begun");
    }
    let check = ReplayCheck::<Door>::new(shared);
    let (mut findings, mut found) = (check.findings(), 0);
    while let Some(finding) = findings.next().await.expect("the store answers") {
        assert_eq!(store.head(&finding.stream).await.expect("the store answers").revision, finding.revision);
        found += 1;
    }
    assert_eq!(found, 600);
}

#[test]
fn it_needs_no_runtime_where_the_store_needs_none() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(write_old(&store));
    let check = ReplayCheck::<v1::Ticket>::new(store);
    let mut run = std::pin::pin!(check.run(|_| ()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let report = loop {
        if let std::task::Poll::Ready(report) = run.as_mut().poll(&mut cx) {
            break report.expect("memory");
        }
    };
    assert_eq!((report.checked, report.same), (6, 6));
}

/// A timer is decided again at its recorded time, whatever else is due.
#[tokio::test]
async fn random_runs_are_the_same_for_the_machine_that_made_them() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let doors = host::<Door>(&store).await;
    for n in 0..60 {
        restored::record(&store, &n.to_string(), &restored::script(&mut rng)).await;
        for _ in 0..40 {
            let trigger = match rng.u8(..15) {
                0..6 => DoorTrigger::Open,
                6..11 => DoorTrigger::Close,
                11..14 => DoorTrigger::Knock { times: rng.u64(..3) },
                _ => DoorTrigger::Rung,
            };
            // A refusal leaves no record.
            let _ = doors.instance(&n.to_string()).fire(trigger).await;
        }
    }
    for found in [
        verdicts(&ReplayCheck::<Door>::new(Arc::clone(&store))).await,
        verdicts(&ReplayCheck::<restored::Player>::new(Arc::clone(&store))).await,
    ] {
        assert!(found.len() > 50, "{} instances", found.len());
        for (name, revision, found) in found {
            assert_eq!(found, Verdict::Same, "{name}, record {revision}");
        }
    }
    let stream = StreamId::new("", "Door", "0");
    assert!(store.head(&stream).await.expect("memory").revision.0 > 0);
}
