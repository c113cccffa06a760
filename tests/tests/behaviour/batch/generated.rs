//! Random batches held against a literal door: one instance after the other, one request after the other.

use super::{records, word};
use proptest::prelude::*;
use statewright::Host;
use statewright::host::{BatchOptions, BatchRequest, OnFailure};
use statewright::store::MemoryStore;
use statewright_tests::{Door, DoorTrigger};
use std::collections::HashMap;
use std::sync::Arc;

/// Instance, trigger, command id if it has one, priority.
type Asked = (u8, u8, Option<u8>, i32);

fn trigger(kind: u8) -> DoorTrigger {
    match kind {
        0 => DoorTrigger::Open,
        1 => DoorTrigger::Close,
        2 => DoorTrigger::Rung,
        _ => DoorTrigger::Knock { times: 1 },
    }
}

/// A door as its block says it, with the command ids that were recorded.
#[derive(Default)]
struct Literal {
    open: bool,
    known: HashMap<u8, u8>,
}

impl Literal {
    fn ask(&mut self, (_, kind, command, _): Asked) -> &'static str {
        if let Some(recorded) = command.and_then(|command| self.known.get(&command)) {
            return if *recorded == kind { "duplicate" } else { "failed" };
        }
        let (accepted, recorded) = match (kind, self.open) {
            (0, true) | (1, false) => (false, false),
            // An open door ignores it.
            (2, true) => (true, false),
            _ => (true, true),
        };
        if accepted && kind < 2 {
            self.open = !self.open;
        }
        if recorded && let Some(command) = command {
            self.known.insert(command, kind);
        }
        if accepted { "succeeded" } else { "failed" }
    }
}

fn request((instance, kind, command, priority): Asked) -> BatchRequest<Door> {
    let request = BatchRequest::new(&instance.to_string(), trigger(kind)).priority(priority);
    match command {
        Some(command) => request.command(&format!("c{command}")),
        None => request,
    }
}

async fn fire(asked: &[Asked], options: BatchOptions) -> Vec<&'static str> {
    let store = Arc::new(MemoryStore::new());
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let report = host.batch(options).fire_all(asked.iter().copied().map(request)).await;
    assert_eq!((report.counts.total, report.counts.done()), (asked.len() as u64, asked.len() as u64));
    let words: Vec<_> = report.items.iter().map(word).collect();
    let succeeded = report.items.iter().filter(|item| word(item) == "succeeded");
    let recorded = records(&store).await;
    for item in succeeded {
        let ignored =
            matches!(&item.outcome, statewright::host::BatchOutcome::Succeeded(fired) if fired.ignored);
        let command = item.command.to_string();
        let own = recorded.contains(&(item.stream.instance.to_string(), command));
        assert!(own || ignored, "{item:?} is not recorded");
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_comes_to_what_its_requests_come_to_one_by_one(
        asked in prop::collection::vec((0..3_u8, 0..4_u8, prop::option::of(0..4_u8), -1..2_i32), 0..40),
        parallelism in 1..4_usize,
        stop in any::<bool>(),
    ) {
        let mut doors: HashMap<u8, Literal> = HashMap::new();
        let expected: Vec<_> =
            asked.iter().map(|asked| doors.entry(asked.0).or_default().ask(*asked)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let policy = if stop { OnFailure::Stop } else { OnFailure::Continue };
        let options = BatchOptions::default().parallelism(parallelism).on_failure(policy);
        let words = runtime.block_on(fire(&asked, options));
        if !stop {
            prop_assert_eq!(words, expected);
            return Ok(());
        }
        prop_assert_eq!(expected.contains(&"failed"), words.contains(&"failed"));
        for instance in 0..3 {
            let of = |words: &[&'static str]| -> Vec<_> {
                asked.iter().zip(words).filter(|(asked, _)| asked.0 == instance).map(|(_, word)| *word).collect()
            };
            let (own, expected) = (of(&words), of(&expected));
            let done = own.iter().take_while(|word| **word != "skipped").count();
            prop_assert_eq!(&own[..done], &expected[..done], "as one by one, as far as it goes");
            prop_assert!(own[done..].iter().all(|word| *word == "skipped"), "nothing overtakes");
            let failed = own.iter().position(|word| *word == "failed");
            prop_assert!(failed.is_none_or(|failed| failed + 1 == done), "nothing behind a failure: {:?}", own);
        }
    }
}
