//! Ids and sort keys of items, made so that no id of a caller's is refused and none sorts otherwise than its bytes.
//!
//! An id may not hold `/ \ ? #` and has at most 1,023 bytes, so what callers name stands in ids as a digest and beside
//! it, in fields, as it is. Sort keys are hexadecimal: whatever rules a service has for comparing text, these digits
//! compare as the bytes they stand for.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use statewright::store::{Revision, Shard, StreamId};
use std::fmt::Write;

/// The id of the item that counts a shard's records.
pub(crate) const ORDER: &str = "order";

/// The partition key of a shard.
pub(crate) fn partition(shard: Shard) -> String {
    shard.0.to_string()
}

/// How the ids of a stream's records begin: a digest of its length-prefixed parts.
pub(crate) fn stream_digest(stream: &StreamId) -> String {
    digest(&[&stream.tenant, &stream.machine, &stream.instance])
}

/// The id of a record: sorts by revision within its stream.
pub(crate) fn record_id(digest: &str, revision: Revision) -> String {
    format!("r.{digest}.{:016x}", revision.0)
}

/// Behind the ids of every record of a stream: the byte behind `.` ends it.
pub(crate) fn records_end(digest: &str) -> String {
    format!("r.{digest}/")
}

/// The id of a cell.
pub(crate) fn cell_id(name: &str) -> String {
    format!("c.{}", digest(&[name]))
}

/// Sorts as the address does: each part in hexadecimal, ended by a byte below every digit.
pub(crate) fn stream_sort_key(stream: &StreamId) -> String {
    [&stream.tenant, &stream.machine, &stream.instance].map(|part| sort_key(part)).join(".")
}

/// Sorts as the bytes do, and begins with the key of every prefix.
pub(crate) fn sort_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        // Writing to a `String` never fails.
        let _ = write!(key, "{byte:02x}");
    }
    key
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::{cell_id, record_id, records_end, sort_key, stream_digest, stream_sort_key};
    use statewright::store::{Revision, StreamId};

    const HOSTILE: [&str; 9] = ["", "a", "a/b", "A", "\u{0}", "#?\\", "é", "e\u{301}", "\u{10ffff}"];

    #[test]
    fn no_id_holds_what_is_forbidden_or_is_too_long() {
        let long = "x".repeat(4_096);
        for part in HOSTILE.into_iter().chain([&*long]) {
            let digest = stream_digest(&StreamId::new(part, part, part));
            for id in [record_id(&digest, Revision(u64::MAX)), cell_id(part)] {
                assert!(id.len() <= 1_023 && !id.contains(['/', '\\', '?', '#']), "{id}");
            }
        }
    }

    #[test]
    fn records_sort_by_revision_and_end_before_the_end() {
        let digest = stream_digest(&StreamId::new("", "Order", "1"));
        let ids = [0, 1, 9, 10, 255, 256, u64::MAX].map(|n| record_id(&digest, Revision(n)));
        assert!(ids.is_sorted() && ids[6] < records_end(&digest));
    }

    #[test]
    fn sort_keys_sort_as_addresses_do() {
        let mut streams: Vec<_> = HOSTILE
            .iter()
            .flat_map(|a| HOSTILE.map(|b| StreamId::new(a, b, "1")))
            .chain(HOSTILE.map(|c| StreamId::new("a", "b", c)))
            .collect();
        streams.sort();
        streams.dedup();
        assert!(streams.iter().map(stream_sort_key).is_sorted_by(|a, b| a < b));
        assert!(sort_key("a/é").starts_with(&sort_key("a/")) && !sort_key("a0").starts_with(&sort_key("a/")));
    }

    /// What stands in a store must be found again by every later version.
    #[test]
    fn keys_never_change() {
        let id = record_id(&stream_digest(&StreamId::new("acme", "Order", "17")), Revision(3));
        assert_eq!(id, "r.dZ9zQSMV8ExaxazyRfJ-awg3q4UfRaS5B2cx2BF30m8.0000000000000003");
        assert_eq!(stream_sort_key(&StreamId::new("a", "B", "1")), "61.42.31");
    }
}
