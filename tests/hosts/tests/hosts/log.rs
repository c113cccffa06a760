//! What stands in the store in the end, held against what was heard.

use crate::fleet::Peals;
use crate::heard::Heard;
use statewright::store::{Cursor, Shard, Store};
use std::collections::{BTreeMap, BTreeSet};

/// What is told of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) command: String,
    /// Of the machine that wrote it.
    pub(crate) release: u32,
    /// Only the second release reads it.
    pub(crate) is_newer: bool,
}

/// By instance and revision.
pub(crate) type Log = BTreeMap<(String, u64), Entry>;

/// Every record of the store.
pub(crate) async fn log(store: &dyn Store) -> Log {
    let mut log = Log::new();
    for shard in (0..store.limits().shards).map(Shard) {
        let mut at = Cursor::default();
        loop {
            let page = store.scan(shard, &at, 1_000).await.expect("it reads");
            if page.records.is_empty() {
                break;
            }
            for record in page.records {
                let place = (record.stream.instance.to_string(), record.revision.0);
                let body = &record.step.body;
                let is_newer =
                    body.events.iter().any(|event| &*event.name == "bell.struck" && event.version == 2);
                let (command, release) = (record.step.command.to_string(), body.envelope.machine_version);
                let before = log.insert(place, Entry { command, release, is_newer });
                assert_eq!(before, None, "a place in the log is taken once");
            }
            at = page.next;
        }
    }
    log
}

/// Each bell was begun once and rung as often as it was to be; each of its timers and answers is recorded once. The outside world
/// has heard every ring.
pub(crate) fn check(log: &Log, heard: &Heard, peals: Peals) {
    let times = peals.times as usize;
    assert_eq!(heard.rang.len(), peals.rings(), "each key rings");
    for bell in (0..peals.bells).map(|bell| format!("bell-{bell}")) {
        let entries = log.range((bell.clone(), 0)..=(bell.clone(), u64::MAX));
        let commands: Vec<_> = entries.map(|(_, entry)| &*entry.command).collect();
        let count = |family: &str| commands.iter().filter(|command| command.starts_with(family)).count();
        let counts = (count("begin"), count("timer/Waiting#0/"), count("effect/"));
        assert_eq!(counts, (1, times, times), "{bell}: {commands:?}");
        let distinct: BTreeSet<_> = commands.iter().collect();
        assert_eq!(distinct.len(), commands.len(), "{bell}: a command is recorded once");
    }
}
