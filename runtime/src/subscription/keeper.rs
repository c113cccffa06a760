//! Consumers of one name share its shards: each shard is one consumer's at a time, by a lease.
//!
//! It works as hosts share theirs: who is to have a shard all work out alike from those who live, and another takes it only
//! when that one did not. What is read and handed out it does not know.

use crate::clock::Clock;
use crate::host::fleet::members::{Members, Moment, Sign};
use crate::lease::{Claim, Eagerness, Lease, process};
use crate::store::{Cell, CellKey, Put, Shard, Store, StoreError};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Consumers of one name that are looked at.
const CONSUMERS_MAX: usize = 1_024;

/// The least time between two turns, however short a lease is.
const RENEW_MIN: Duration = Duration::from_millis(1);

/// Where the cells of consumers stand.
const CONSUMERS: Shard = Shard(0);

/// What all of them do.
const DUTY: &str = "subscription";

/// A shard that one has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tenure {
    /// Larger than that of everybody who had it before.
    pub(super) epoch: u64,
    /// Another one is to have it.
    pub(super) leaving: bool,
    /// Nothing of it is under way any more.
    pub(super) given: bool,
}

/// What consumer and keeper tell each other.
#[derive(Debug, Default)]
pub(super) struct Board {
    tenures: Mutex<BTreeMap<Shard, Tenure>>,
    /// The consumer is to look at its tenures.
    pub(super) told: Notify,
    /// The keeper is to look at its leases.
    asked: Notify,
    /// Grows with every change of the tenures.
    changes: AtomicU64,
}

impl Board {
    pub(super) fn tenures(&self) -> MutexGuard<'_, BTreeMap<Shard, Tenure>> {
        self.tenures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grows with every change of the tenures.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Nothing of a shard is under way any more.
    pub(super) fn give(&self, shard: Shard) {
        if let Some(tenure) = self.tenures().get_mut(&shard) {
            tenure.given = true;
        }
        self.asked.notify_one();
    }

    /// Somebody else has written for a shard: whether it is still one's own, its lease will tell.
    pub(super) fn doubt(&self, shard: Shard) {
        self.tenures().remove(&shard);
        self.asked.notify_one();
    }

    fn set(&self, shard: Shard, tenure: Option<Tenure>) {
        let mut tenures = self.tenures();
        let before = match tenure {
            Some(tenure) => tenures.insert(shard, tenure),
            None => tenures.remove(&shard),
        };
        if before != tenure {
            self.changes.fetch_add(1, Ordering::Release);
            self.told.notify_one();
        }
    }
}

/// Who keeps leases for whom.
pub(super) struct Keeper {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) path: Arc<str>,
    pub(super) id: Arc<str>,
    pub(super) board: Arc<Board>,
    time: Duration,
    leases: Vec<(Shard, Lease)>,
    members: Members,
}

/// Surroundings of a keeper.
pub(super) struct Place {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) path: Arc<str>,
    pub(super) id: Arc<str>,
}

impl Keeper {
    pub(super) fn new(place: Place, shards: Vec<Shard>, time: Duration) -> Self {
        let Place { store, clock, path, id } = place;
        let name = format!("{DUTY}/{path}");
        let lease = |shard| {
            let claim = Claim { holder: Arc::clone(&id), time };
            (shard, Lease::new(&*store, (shard, &name), claim))
        };
        let leases = shards.into_iter().map(lease).collect();
        let members = Members::new(Arc::clone(&id), vec![DUTY.into()], (time, store.limits().exclusive));
        Self { store, clock, path, id, board: Arc::default(), time, leases, members }
    }

    /// Until the consumer is gone.
    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                // The sender is gone with a consumer that was dropped.
                _ = closing.wait_for(|closing| *closing) => break,
                () = self.board.asked.notified() => {}
                () = self.clock.sleep(self.time.mul_f64(0.3).max(RENEW_MIN)) => {}
            }
            self.turn().await;
        }
        self.sign_off().await;
    }

    /// Renews, takes and gives back. What the store does not do is tried again in the next turn.
    pub(super) async fn turn(&mut self) {
        let now = self.clock.monotonic();
        if let Err(error) = self.try_turn(now).await {
            tracing::warn!(subscription = %self.path, %error, "the leases of a subscription were not renewed");
            let now = self.clock.monotonic();
            for (shard, _) in self.leases.iter().filter(|(_, lease)| lease.epoch(now).is_none()) {
                self.board.set(*shard, None);
            }
        }
    }

    async fn try_turn(&mut self, now: Duration) -> Result<(), StoreError> {
        let keys: Vec<_> = self.leases.iter().map(|(_, lease)| lease.key().clone()).collect();
        let cells = self.store.get(&keys).await?;
        let mut puts = self.meet(now).await?;
        let mut held = Vec::new();
        for place in 0..self.leases.len() {
            match self.ask(place, &cells, now) {
                Some(Wish::Hold(put)) => held.push((place, put)),
                Some(Wish::GiveBack(put)) => puts.push(put),
                None => {}
            }
        }
        let others = puts.len();
        let places: Vec<_> = held.iter().map(|(place, _)| *place).collect();
        puts.extend(held.into_iter().map(|(_, put)| put));
        let versions = self.store.put(puts).await?;
        for (place, version) in places.into_iter().zip(versions.into_iter().skip(others)) {
            self.settle(place, version, now);
        }
        Ok(())
    }

    /// Says that this consumer lives, looks who else does, and removes those that are dead for long.
    async fn meet(&mut self, now: Duration) -> Result<Vec<Put>, StoreError> {
        let prefix = self.member("");
        let cells = self.store.list(CONSUMERS, &prefix, None, CONSUMERS_MAX).await?;
        let id = |cell: &Cell| cell.key.name.strip_prefix(&prefix).map(Arc::from);
        let there: Vec<_> = cells.iter().filter_map(|cell| Some((id(cell)?, cell))).collect();
        let moment = Moment { now: self.clock.now(), monotonic: now };
        let dead = self.members.see(&there, moment);
        let sign = Sign { process: process(), duties: vec![DUTY.into()], at: moment.now.as_microsecond() };
        let value = Some(Bytes::from(serde_json::to_vec(&sign).unwrap_or_default()));
        let mut puts = vec![Put { key: self.member_key(), version: None, value }];
        puts.extend(dead.into_iter().map(|cell| Put {
            key: cell.key,
            version: Some(cell.version),
            value: None,
        }));
        Ok(puts)
    }

    fn ask(&mut self, place: usize, cells: &[Cell], now: Duration) -> Option<Wish> {
        let (shard, lease) = self.leases.get_mut(place)?;
        let (tenure, preferred) =
            (self.board.tenures().get(shard).copied(), self.members.is_preferred(DUTY, *shard));
        if tenure.is_some_and(|tenure| tenure.given) {
            self.board.set(*shard, None);
            return lease.give_back().map(Wish::GiveBack);
        }
        let cell = cells.iter().find(|cell| cell.key == *lease.key());
        let put = lease.look(cell, now, if preferred { Eagerness::First } else { Eagerness::Second });
        if put.is_none() {
            self.board.set(*shard, None);
        }
        put.map(Wish::Hold)
    }

    /// The lease was written, or somebody was faster.
    fn settle(&mut self, place: usize, version: Option<u64>, asked: Duration) {
        let Some((shard, lease)) = self.leases.get_mut(place) else { return };
        let before = self.board.tenures().get(shard).copied();
        // The one that is to have it has had its chance when another takes it.
        let leaving = before.is_some() && !self.members.is_preferred(DUTY, *shard);
        let given = before.is_some_and(|tenure| tenure.given);
        let tenure = lease.wrote(version, asked).map(|epoch| Tenure { epoch, leaving, given });
        self.board.set(*shard, tenure);
    }

    /// Others need not wait for what this consumer has held.
    async fn sign_off(&mut self) {
        let mut puts: Vec<_> = self.leases.iter_mut().filter_map(|(_, lease)| lease.give_back()).collect();
        puts.push(Put { key: self.member_key(), version: None, value: None });
        if let Err(error) = self.store.put(puts).await {
            tracing::warn!(subscription = %self.path, %error, "the leases of a subscription were not given back; others wait for their end");
        }
    }

    fn member(&self, id: &str) -> String {
        format!("consumer/{}/{id}", self.path)
    }

    fn member_key(&self) -> CellKey {
        CellKey { shard: CONSUMERS, name: self.member(&self.id).into() }
    }
}

/// What to write for a lease.
enum Wish {
    Hold(Put),
    GiveBack(Put),
}
