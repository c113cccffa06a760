//! Whether who answers as the leader of a stream leads it still. A leader that is cut off from its peers does not know it for
//! a while, and goes on answering out of what it had. So its answer counts only if it had heard of a majority lately: they
//! elect nobody else for longer than that.
//!
//! What is written needs none of this: it is acknowledged by a majority.

use crate::error::NatsError;
use crate::link::Link;
use async_nats::jetstream::stream::Info;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A peer that was heard of so lately elects nobody else for [`HOLDS`] more: servers wait 4 seconds at the least.
const LATELY: Duration = Duration::from_secs(2);

/// How long it is taken for true that a leader leads.
const HOLDS: Duration = Duration::from_secs(1);

/// What is known of the leaders of streams.
#[derive(Default)]
pub(crate) struct Leads(std::sync::Mutex<HashMap<String, Arc<Mutex<Known>>>>);

/// Of one stream.
#[derive(Default)]
struct Known {
    /// When it was asked last, and did.
    led: Option<Instant>,
    /// When it was asked last, and did not, or nobody said so.
    failed: Option<Instant>,
}

impl Leads {
    fn of(&self, stream: &str) -> Arc<Mutex<Known>> {
        let mut leads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(leads.entry(stream.to_owned()).or_default())
    }
}

/// Whether it had heard of a majority, itself counted, when it said so.
pub(crate) fn leads(info: &Info) -> bool {
    // A server without peers.
    let Some(cluster) = &info.cluster else { return true };
    // 0 is no time ago, or never.
    let heard = cluster
        .replicas
        .iter()
        .filter(|peer| !peer.offline && peer.active <= LATELY && (peer.current || !peer.active.is_zero()));
    cluster.leader.is_some() && 2 * (1 + heard.count()) > 1 + cluster.replicas.len()
}

impl Link {
    /// The leader of a stream led it at that time, or later. Who asks at once asks once.
    pub(crate) async fn led(&self, stream: &str, at: Instant) -> Result<(), NatsError> {
        let known = self.leads.of(stream);
        let mut known = known.lock().await;
        if known.led.is_some_and(|led| at < led + HOLDS) {
            return Ok(());
        }
        if known.failed.is_some_and(|failed| at <= failed) {
            return Err(NatsError::Unled);
        }
        let asked = Instant::now();
        let answer = self.info_once(stream).await;
        *known = match answer {
            Ok(_) => Known { led: Some(asked), failed: None },
            Err(_) => Known { led: None, failed: Some(asked) },
        };
        answer.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::leads;
    use serde_json::json;

    fn with(replicas: &serde_json::Value, leader: Option<&str>) -> bool {
        let info = json!({
            "config": { "name": "log", "subjects": [], "retention": "limits", "max_consumers": -1, "max_msgs": -1,
                "max_bytes": -1, "discard": "new", "max_age": 0, "storage": "file", "num_replicas": 3 },
            "created": "2026-01-01T00:00:00Z",
            "state": { "messages": 0, "bytes": 0, "first_seq": 0, "first_ts": "0001-01-01T00:00:00Z", "last_seq": 0,
                "last_ts": "0001-01-01T00:00:00Z", "consumer_count": 0 },
            "cluster": { "name": "c", "leader": leader, "replicas": replicas },
        });
        leads(&serde_json::from_value(info).expect("it is as servers say it"))
    }

    fn peer(active: u64, current: bool, offline: bool) -> serde_json::Value {
        json!({ "name": "n", "active": active, "current": current, "offline": offline })
    }

    #[test]
    fn a_majority_that_was_heard_of_makes_a_leader() {
        let (near, far) = (peer(900_000_000, true, false), peer(2_100_000_000, true, false));
        let (never, now, gone) = (peer(0, false, false), peer(0, true, false), peer(1, true, true));
        let led = |replicas: serde_json::Value| with(&replicas, Some("n"));
        assert!(led(json!([near, near])) && led(json!([near, far])) && led(json!([gone, now])));
        assert!(!led(json!([far, far])) && !led(json!([never, far])) && !led(json!([gone, never])));
        assert!(led(json!([near, near, far, far])) && !led(json!([near, far, far, far])));
        assert!(led(json!([])), "it is all that there is");
        assert!(!with(&json!([near, near]), None));
    }
}
