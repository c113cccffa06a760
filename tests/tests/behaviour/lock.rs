//! The lock of a machine: written on request, complete or not, never without being asked.

use serde::{Deserialize, Serialize};
use statewright::definition::lock::Lock;
use statewright::prelude::*;
use statewright::testing::{check_lock, update_lock};
use std::fs;
use std::panic::catch_unwind;

state_machine! {
    /// Its file is not there: nothing has been released.
    machine Locked {
        version 3;
        lock "locked.lock";
        triggers { Go }
        events { Gone }
        effects { Call { who: Vec<String>, #[event(opaque)] why: String }, Mail }
        initial Here;
        state Here { on Go => There emit Gone { times: 1, at: None } do Call { who: Vec::new(), why: String::new() } do Mail; }
        final There;
    }
}

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "gone", version = 1)]
struct GoneV1 {
    times: u8,
}

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "gone", version = 2, from = GoneV1, auto)]
struct Gone {
    times: u64,
    #[event(default)]
    at: Option<u64>,
}

impl Apply<Gone> for () {
    fn apply(&mut self, _event: &Gone) {}
}

const FACTS: &str = "format = 1
machine = \"Locked\"
effect.\"Call\" = \"{who: [string], why: opaque String}\"
effect.\"Mail\" = \"null\"
event.\"gone\".1 = \"{times: u8}\"
event.\"gone\".2 = \"{at: u64?, times: u64}\"
leaf.\"Here\" = \"\"
leaf.\"There\" = \"\"
state.\"Here\" = 3
state.\"There\" = 3
";

#[test]
fn a_lock_is_written_on_request_and_is_complete_then() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("text").to_owned();
    let file = folder.path().join("locked.lock");
    let refused = catch_unwind(|| check_lock::<Locked>(&path, "1.0.0")).expect_err("nothing is locked");
    let said = refused.downcast_ref::<String>().expect("text");
    assert!(said.contains("event.\"gone\".2") && said.contains("STATEWRIGHT_LOCK=update"), "{said}");
    check_lock::<Locked>(&path, "1.0.0-beta.1");
    assert!(!file.exists(), "it is not written without being asked for");
    assert_eq!(update_lock::<Locked>(&path).expect("it is written").len(), 8);
    let text = fs::read_to_string(&file).expect("it is there");
    let facts: String =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(facts, FACTS);
    check_lock::<Locked>(&path, "1.0.0");
    assert!(update_lock::<Locked>(&path).expect("nothing is new").is_empty());
}

#[test]
fn what_was_released_stays_in_the_lock() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("text");
    let file = folder.path().join("locked.lock");
    fs::write(&file, "format = 1\nmachine = \"Locked\"\nstate.\"Here\" = 1\nstate.\"Old\" = 2\n")
        .expect("it is ours");
    let new = update_lock::<Locked>(path).expect("it is read");
    assert_eq!(new.len(), 7, "{new:?}");
    let lock = Lock::parse(&fs::read_to_string(&file).expect("it is there")).expect("it is a lock");
    assert_eq!((lock.states["Here"], lock.states["Old"], lock.states["There"]), (1, 2, 3));
    fs::write(&file, "<<<<<<< HEAD\n").expect("it is ours");
    let error = update_lock::<Locked>(path).expect_err("it is no lock");
    assert_eq!(error.to_string(), "line 1: `<<<<<<< HEAD` is no fact");
}
