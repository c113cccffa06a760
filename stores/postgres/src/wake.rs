//! Who waits for records is woken: of what this handle has written itself, of what others tell through a channel of the
//! server, and in any case by asking where the shards end.
//!
//! Nothing is told within the transaction that appends: that would make all of them follow each other.

use crate::connections::Connections;
use crate::statistics::count;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::AsyncMessage;
use tokio_postgres::types::Type;

/// Who waits at this handle is woken at most once in this time: what follows the log is not to hold up who writes it.
const WAKE_EVERY: Duration = Duration::from_millis(1);

/// Other handles are told at most once in this time.
const TELL_EVERY: Duration = Duration::from_millis(5);

/// How long is waited before the server is asked again, with somebody to tell and without.
const POLL_LISTENING: Duration = Duration::from_secs(1);
const POLL_MIN: Duration = Duration::from_millis(5);
const POLL_MAX: Duration = Duration::from_millis(250);

/// A listener that lost its connection tries again after this time.
const RECONNECT: Duration = Duration::from_millis(250);

/// Entries of one message: its text stays below the server's 8,000 bytes.
const MESSAGE_MAX: usize = 256;

/// Where the shards end, as far as this handle knows.
pub(crate) struct Ends {
    shards: Vec<watch::Sender<i64>>,
    to_wake: Fresh,
    to_tell: Fresh,
    waited_for: Notify,
    listening: watch::Sender<bool>,
}

impl Ends {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            shards: (0..shards).map(|_| watch::Sender::new(0)).collect(),
            to_wake: Fresh::default(),
            to_tell: Fresh::default(),
            waited_for: Notify::new(),
            listening: watch::Sender::new(false),
        }
    }

    /// Records of this handle were committed.
    pub(crate) fn grown(&self, ends: &[(i16, i64)]) {
        self.to_wake.add(ends);
        self.to_tell.add(ends);
    }

    /// Whether any of it is news.
    fn learn(&self, ends: impl IntoIterator<Item = (i16, i64)>) -> bool {
        let mut news = false;
        for (shard, end) in ends {
            if let Some(known) = usize::try_from(shard).ok().and_then(|shard| self.shards.get(shard)) {
                news |= known.send_if_modified(|known| {
                    let grown = end > *known;
                    *known = end.max(*known);
                    grown
                });
            }
        }
        news
    }

    /// Others are heard: whatever they have told since is known.
    pub(crate) fn is_listening(&self) -> bool {
        *self.listening.borrow()
    }

    fn numbers(&self) -> Vec<i16> {
        (0_i16..).take(self.shards.len()).collect()
    }

    fn is_waited_for(&self) -> bool {
        self.shards.iter().any(|shard| shard.receiver_count() > 0)
    }

    /// Until the shard ends behind `after`; `false` if there is no such shard.
    pub(crate) async fn behind(&self, shard: u16, after: i64) -> bool {
        let Some(known) = self.shards.get(usize::from(shard)) else { return false };
        let mut known = known.subscribe();
        self.waited_for.notify_one();
        known.wait_for(|end| *end > after).await.is_ok()
    }

    /// What is known already.
    pub(crate) fn is_behind(&self, shard: u16, after: i64) -> bool {
        self.shards.get(usize::from(shard)).is_some_and(|known| *known.borrow() > after)
    }

    /// What the server said.
    pub(crate) fn heard(&self, shard: i16, end: i64) {
        self.learn([(shard, end)]);
    }
}

/// Ends that somebody is to be told of.
#[derive(Default)]
struct Fresh {
    ends: Mutex<BTreeMap<i16, i64>>,
    some: Notify,
}

impl Fresh {
    fn add(&self, ends: &[(i16, i64)]) {
        if !ends.is_empty() {
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).extend(ends.iter().copied());
            self.some.notify_one();
        }
    }

    /// All there are, once there are some.
    async fn take(&self) -> Vec<(i16, i64)> {
        self.some.notified().await;
        std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

/// Wakes who waits for what this handle has written.
pub(crate) async fn wake(ends: Arc<Ends>) {
    loop {
        ends.learn(ends.to_wake.take().await);
        sleep(WAKE_EVERY).await;
    }
}

/// Tells other handles what this one has written.
pub(crate) async fn tell(connections: Arc<Connections>, ends: Arc<Ends>) {
    let channel = channel(&connections);
    loop {
        for part in ends.to_tell.take().await.chunks(MESSAGE_MAX) {
            let text: Vec<_> = part.iter().map(|(shard, end)| format!("{shard}:{end}")).collect();
            let text = text.join(" ");
            let told =
                connections.query("wake others", &connections.statements.tell, &[&channel, &text]).await;
            // Who is not told asks.
            if told.is_ok() {
                count(&connections.counters.wakes, 1);
            }
        }
        sleep(TELL_EVERY).await;
    }
}

/// Hears what other handles tell.
pub(crate) async fn listen(connections: Arc<Connections>, ends: Arc<Ends>) {
    loop {
        if let Err(error) = listen_once(&connections, &ends).await {
            tracing::debug!(store = %connections.name.0, %error, "the listener lost its connection");
        }
        ends.listening.send_replace(false);
        sleep(RECONNECT).await;
    }
}

async fn listen_once(connections: &Connections, ends: &Ends) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = connections.config.connect(connections.tls.clone()).await?;
    count(&connections.counters.connects, 1);
    let subscribe = format!("LISTEN \"{}\"", channel(connections).replace('"', "\"\""));
    let (shards, look) = (ends.numbers(), &connections.statements.ends);
    // What was told before is not told again.
    let mut subscribed = Box::pin(async {
        client.batch_execute(&subscribe).await?;
        client.query_typed(&look.sql, &[(&shards, Type::INT2_ARRAY)]).await
    });
    let mut is_subscribed = false;
    let hear = poll_fn(|cx| {
        if !is_subscribed && let Poll::Ready(found) = subscribed.as_mut().poll(cx) {
            is_subscribed = true;
            ends.learn(found?.iter().map(|row| (row.get(0), row.get(1))));
            ends.listening.send_replace(true);
        }
        loop {
            match ready!(connection.poll_message(cx)) {
                Some(Ok(AsyncMessage::Notification(told))) => {
                    ends.learn(told.payload().split(' ').filter_map(parse));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    });
    hear.await
}

fn parse(told: &str) -> Option<(i16, i64)> {
    let (shard, end) = told.split_once(':')?;
    Some((shard.parse().ok()?, end.parse().ok()?))
}

/// A channel belongs to a database, so the schema tells stores apart.
fn channel(connections: &Connections) -> String {
    let name: String = connections.schema.chars().filter(|char| *char != '"').take(20).collect();
    format!("statewright:{name}")
}

/// Asks where the shards end while somebody waits: often where there is something new, seldom where a listener tells.
pub(crate) async fn poll(connections: Arc<Connections>, ends: Arc<Ends>) {
    let shards = ends.numbers();
    let mut pause = POLL_MIN;
    let mut asked = Instant::now();
    loop {
        while !ends.is_waited_for() {
            ends.waited_for.notified().await;
        }
        let listening = *ends.listening.borrow();
        let most = if listening { POLL_LISTENING } else { pause };
        let early = timeout(most.saturating_sub(asked.elapsed()), ends.listening.subscribe().changed()).await;
        if early.is_ok() && !*ends.listening.borrow() {
            continue;
        }
        asked = Instant::now();
        let rows = connections.read("look for records", &connections.statements.ends, &[&shards]).await;
        count(&connections.counters.polls, 1);
        let news = rows.is_ok_and(|rows| ends.learn(rows.iter().map(|row| (row.get(0), row.get(1)))));
        pause = if news { POLL_MIN } else { (pause * 2).min(POLL_MAX) };
    }
}
