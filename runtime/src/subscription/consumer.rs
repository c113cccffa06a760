//! A subscription with a name: what is done is written down in the store, a kill loses nothing of it, and consumers of the
//! same name share its shards.
//!
//! What is handed out and not acknowledged when the consumer ends is handed out again, by whoever has the shard then.

use super::checkpoint::{self, Checkpoint};
use super::keeper::{Board, Keeper, Place, Tenure};
use super::reader::{Reader, Taken, Turn};
use super::{Filter, Item, Message, Source, Start, Subscribe, SubscriptionError};
use crate::store::{Cursor, Shard};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Records of a shard that are passed over before that is written down; as many are read again after a kill.
const PASSED_MAX: usize = 4_096;

/// A named subscription before it begins.
#[must_use = "a subscription begins when it is opened"]
pub struct Named<T> {
    subscribe: Subscribe<T>,
    path: Arc<str>,
    lease: Duration,
}

impl<T: Item> Named<T> {
    pub(super) fn new(subscribe: Subscribe<T>, name: &str) -> Self {
        let path = checkpoint::path(&subscribe.source.whose, name).into();
        Self { subscribe, path, lease: Duration::from_secs(10) }
    }

    /// How long a shard stays with a consumer that does not say that it lives, 10 s unless said otherwise, at least 1 ms; it
    /// says so every three tenths of that. All consumers of a name are to agree on it.
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time.max(Duration::from_millis(1));
        self
    }

    /// Begins, or goes on where consumers of this name have come to: where it begins counts for the first of them alone. It
    /// runs on tokio: a task renews its leases.
    ///
    /// # Errors
    /// The machine has no event of a name, the position is of another store, a checkpoint cannot be read, or the store does
    /// not deliver.
    pub async fn open(self) -> Result<Consumer<T>, SubscriptionError> {
        let filter = self.subscribe.filter()?;
        self.begin(false).await?;
        let Subscribe { source, start, .. } = self.subscribe;
        let id: Arc<str> = source.ids.new_id(source.clock.now()).to_string().into();
        let (store, clock) = (Arc::clone(&source.store), Arc::clone(&source.clock));
        let place = Place { store, clock, path: Arc::clone(&self.path), id: Arc::clone(&id) };
        let mut keeper = Keeper::new(place, source.shards(), self.lease);
        // What is free is held when the consumer begins.
        keeper.turn().await;
        let board = Arc::clone(&keeper.board);
        let (closing, closed) = watch::channel(false);
        let keeper = tokio::spawn(keeper.run(closed));
        let reader = Reader::new(Arc::clone(&source.store), Vec::new(), source.opener.clone());
        Ok(Consumer {
            source,
            start,
            filter,
            reader,
            path: self.path,
            id,
            board,
            held: BTreeMap::new(),
            lost: BTreeSet::new(),
            settled: None,
            closing,
            keeper,
        })
    }

    /// Writes down, for every shard, that it begins anew where this one would begin; what consumers at work have not
    /// acknowledged by then they cannot acknowledge any more, and they begin anew too.
    ///
    /// # Errors
    /// The position is of another store, or the store does not deliver.
    pub async fn reset(self) -> Result<(), SubscriptionError> {
        self.begin(true).await
    }

    async fn begin(&self, anew: bool) -> Result<(), SubscriptionError> {
        let source = &self.subscribe.source;
        begin(source, (&self.path, &self.subscribe.start), &source.shards(), anew).await
    }
}

/// Writes down where a name begins.
async fn begin(
    source: &Source,
    (path, start): (&str, &Start),
    shards: &[Shard],
    anew: bool,
) -> Result<(), SubscriptionError> {
    let mut places = Vec::new();
    for shard in shards {
        let cursor = source.cursor(*shard, start).await?;
        places.push((checkpoint::key(path, *shard), cursor));
    }
    checkpoint::begin(&*source.store, &places, anew).await
}

/// A named subscription at work: it hands out the records of the shards that it has, and is told what is done.
pub struct Consumer<T> {
    source: Source,
    start: Start,
    filter: Filter<T>,
    reader: Reader,
    path: Arc<str>,
    id: Arc<str>,
    board: Arc<Board>,
    held: BTreeMap<Shard, Held>,
    /// Shards that went to another one while something of them was not acknowledged.
    lost: BTreeSet<Shard>,
    /// The changes of its tenures that it knows; `None`: it is to look at them.
    settled: Option<u64>,
    closing: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

/// A shard that it has.
struct Held {
    epoch: u64,
    checkpoint: Checkpoint,
    /// Behind the last record that was handed out or passed over.
    at: Cursor,
    /// Something was handed out since the last acknowledgement.
    open: bool,
    /// Records passed over since the checkpoint was written.
    passed: usize,
}

impl<T: Item> Consumer<T> {
    /// The next message of the shards that it has; waits for it. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver: asking again tries again. A record cannot be read: it is not passed over, by this
    /// consumer or another one, and asking again fails again.
    pub async fn next(&mut self) -> Result<Message<T>, SubscriptionError> {
        loop {
            self.settle().await?;
            let turn = tokio::select! {
                biased;
                () = self.board.told.notified() => continue,
                turn = self.reader.turn() => turn?,
            };
            match turn {
                Turn::CaughtUp => return Ok(Message::CaughtUp),
                Turn::FellBehind => return Ok(Message::FellBehind),
                Turn::Record => {}
            }
            let Some((item, taken)) = self.reader.take(|record| self.filter.pass(record))? else { continue };
            match item {
                Some(item) => {
                    self.note(taken);
                    return Ok(Message::Record(item));
                }
                None => self.pass_over(taken).await?,
            }
        }
    }

    /// Says that everything that was handed out is done: after a restart it goes on behind it. The shards of which that came
    /// too late, because another consumer has them or the subscription was reset: what was handed out of them since the last
    /// acknowledgement is handed out again.
    ///
    /// # Errors
    /// What the store says; then it is not known to be written down, and saying it again is safe.
    pub async fn ack(&mut self) -> Result<BTreeSet<Shard>, SubscriptionError> {
        let moved = self.held.iter().filter(|(_, held)| held.at != held.checkpoint.written);
        let shards: Vec<_> = moved.map(|(shard, _)| *shard).collect();
        self.write(&shards).await?;
        self.held.values_mut().for_each(|held| held.open = false);
        // What another one is to have can go now.
        self.settled = None;
        Ok(std::mem::take(&mut self.lost))
    }

    /// The shards that it has now.
    pub fn shards(&self) -> Vec<Shard> {
        self.board.tenures().iter().filter(|(_, tenure)| !tenure.given).map(|(shard, _)| *shard).collect()
    }

    /// Ends, and gives its shards back: others need not wait for the end of its leases. One that is dropped does the same a
    /// little later. What was not acknowledged is handed out again.
    pub async fn close(self) {
        self.closing.send_replace(true);
        if let Err(error) = self.keeper.await {
            tracing::error!(subscription = %self.path, %error, "the leases of a subscription were not given back");
        }
    }

    fn note(&mut self, taken: Taken) {
        if let Some(held) = self.held.get_mut(&taken.shard) {
            (held.at, held.open) = (taken.at, true);
        }
    }

    /// Long stretches in which there is nothing for this subscription are not read again after a restart.
    async fn pass_over(&mut self, taken: Taken) -> Result<(), SubscriptionError> {
        let Some(held) = self.held.get_mut(&taken.shard) else { return Ok(()) };
        held.at = taken.at;
        held.passed += 1;
        if held.open || held.passed < PASSED_MAX {
            return Ok(());
        }
        self.write(&[taken.shard]).await
    }

    /// Writes checkpoints; shards whose are somebody else's are lost.
    async fn write(&mut self, shards: &[Shard]) -> Result<(), SubscriptionError> {
        if shards.is_empty() {
            return Ok(());
        }
        let held = || shards.iter().filter_map(|shard| self.held.get(shard));
        let puts = held().map(|held| held.checkpoint.put(&held.at)).collect();
        let versions = self.source.store.put(puts).await?;
        let mut again = Vec::new();
        for (shard, version) in shards.iter().zip(versions) {
            let Some(held) = self.held.get_mut(shard) else { continue };
            match version {
                Some(version) => held.wrote(version),
                None if held.checkpoint.look(&*self.source.store).await? => again.push(*shard),
                None => self.lose(*shard),
            }
        }
        for shard in again {
            self.write_again(shard).await?;
        }
        Ok(())
    }

    /// Once more, behind a write whose answer was lost.
    async fn write_again(&mut self, shard: Shard) -> Result<(), SubscriptionError> {
        let Some(held) = self.held.get_mut(&shard) else { return Ok(()) };
        let put = held.checkpoint.put(&held.at);
        match self.source.store.put(vec![put]).await?.pop().flatten() {
            Some(version) => held.wrote(version),
            None => self.lose(shard),
        }
        Ok(())
    }

    fn lose(&mut self, shard: Shard) {
        self.board.doubt(shard);
        self.drop_shard(shard);
    }

    fn drop_shard(&mut self, shard: Shard) {
        self.reader.remove(shard);
        if self.held.remove(&shard).is_some_and(|held| held.open) {
            self.lost.insert(shard);
        }
    }

    /// Takes over what it has got, and lets go of what it has no more.
    async fn settle(&mut self) -> Result<(), SubscriptionError> {
        let changes = self.board.changes();
        if self.settled == Some(changes) {
            return Ok(());
        }
        let tenures = self.board.tenures().clone();
        let is_gone = |(shard, held): &(&Shard, &Held)| {
            tenures.get(shard).is_none_or(|tenure| tenure.epoch != held.epoch)
        };
        let gone: Vec<_> = self.held.iter().filter(is_gone).map(|(shard, _)| *shard).collect();
        for shard in gone {
            self.drop_shard(shard);
        }
        let is_leaving = |shard: &&Shard| tenures.get(shard).is_some_and(|tenure| tenure.leaving);
        let leaving: Vec<_> = tenures.keys().filter(is_leaving).copied().collect();
        for shard in leaving {
            self.leave(shard).await?;
        }
        let is_new = |(shard, tenure): &(&Shard, &Tenure)| {
            !self.held.contains_key(shard) && !tenure.leaving && !tenure.given
        };
        let new: BTreeMap<_, _> =
            tenures.iter().filter(is_new).map(|(shard, tenure)| (*shard, tenure.epoch)).collect();
        if !new.is_empty() {
            self.take_over(&new).await?;
        }
        self.settled = Some(changes);
        Ok(())
    }

    /// Hands out no more of a shard that another one is to have, and gives it up once all of it is acknowledged.
    async fn leave(&mut self, shard: Shard) -> Result<(), SubscriptionError> {
        self.reader.remove(shard);
        match self.held.get(&shard) {
            Some(held) if held.open => return Ok(()),
            Some(held) if held.at != held.checkpoint.written => self.write(&[shard]).await?,
            _ => {}
        }
        self.held.remove(&shard);
        self.board.give(shard);
        Ok(())
    }

    async fn take_over(&mut self, new: &BTreeMap<Shard, u64>) -> Result<(), SubscriptionError> {
        let shards: Vec<_> = new.keys().copied().collect();
        // A checkpoint that somebody has removed.
        begin(&self.source, (&self.path, &self.start), &shards, false).await?;
        let keys: Vec<_> = shards.iter().map(|shard| checkpoint::key(&self.path, *shard)).collect();
        let store = Arc::clone(&self.source.store);
        for checkpoint in checkpoint::take(&*store, &keys, &self.id).await? {
            let (shard, at) = (checkpoint.shard(), checkpoint.written.clone());
            let Some(epoch) = new.get(&shard).copied() else { continue };
            self.reader.remove(shard);
            self.reader.add(self.source.lane(shard, at.clone()));
            self.held.insert(shard, Held { epoch, checkpoint, at, open: false, passed: 0 });
        }
        // Somebody else was faster.
        for shard in shards.iter().filter(|shard| !self.held.contains_key(shard)) {
            self.board.doubt(*shard);
        }
        Ok(())
    }
}

impl Held {
    fn wrote(&mut self, version: u64) {
        self.checkpoint.wrote(self.at.clone(), version);
        self.passed = 0;
    }
}

impl<T> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("path", &self.path).field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("path", &self.path).field("id", &self.id).finish_non_exhaustive()
    }
}
