//! Reads a shard's log, has its effects done, and moves the checkpoint behind what is settled.
//!
//! Nothing but this writes the cells of what waits, and one dispatcher at a time does, under the shard's lease. One that has
//! lost the lease and does not know it finds a cell or the checkpoint changed: it ends and begins anew with what stands on
//! the shelf.

use super::errand::{End, Errand, Job, Stop};
use super::lane::{Lane, Waiting};
use super::parked::{self, Parked, Spot};
use super::shelf::Shelf;
use super::window::{WINDOW_MAX, Window};
use super::{is_unordered, pauses};
use crate::clock::Clock;
use crate::host::duty::Tenure;
use crate::host::health::Watch;
use crate::machine::Machine;
use crate::store::{CellKey, Cursor, Kind, Put, Record, Shard, Store, StoreError};
use futures_core::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// How long what is settled may stand before the checkpoint.
const SAVE_AFTER: Duration = Duration::from_millis(100);

/// Instances of which what waits is done at once.
const AGAIN_MAX: usize = 64;

/// How long the oldest record may keep a full window from moving.
const HOLD_UP_MAX: Duration = Duration::from_millis(100);

/// Why a dispatcher does not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    #[error("somebody else has written what waits, or the checkpoint")]
    Moved,
    #[error("a task ended without an end")]
    Task(#[from] JoinError),
    #[error("the shard is given up")]
    Left,
}

pub(super) struct Dispatcher<M: Machine> {
    errand: Arc<Errand<M>>,
    progress: Arc<Watch>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    shard: Shard,
    at: Cursor,
    window: Window,
    /// The version of the checkpoint's cell, and when it is to be written.
    version: u64,
    save_at: Option<Duration>,
    shelf: Shelf,
    /// What is read now may have stood in the log when the shard was taken: somebody may have begun with it.
    old: bool,
    lanes: HashMap<Box<str>, Lane>,
    /// Lanes of what had waited.
    again: usize,
    tasks: JoinSet<(Box<str>, End)>,
    grown: Option<BoxFuture<'static, Result<(), StoreError>>>,
}

/// What comes next.
enum Sign {
    Left,
    Ended(Result<(Box<str>, End), JoinError>),
    Grown(Result<(), StoreError>),
    Time,
}

impl<M: Machine> Dispatcher<M> {
    /// Begins at the checkpoint.
    pub(super) async fn open(errand: Errand<M>, progress: &Arc<Watch>) -> Result<Self, Failure> {
        let (store, clock) = {
            let repository = &errand.host.0.repository;
            (Arc::clone(&repository.store), Arc::clone(&repository.clock))
        };
        let shard = errand.tenure.shard;
        let found = store.get(&[checkpoint::<M>(shard)]).await?.pop();
        let (version, at) = found.map_or((0, Cursor::default()), |cell| (cell.version, Cursor(cell.value)));
        let old = store.end(shard).await? != at;
        let shelf = Shelf::new(&store, &clock, (shard, M::DEFINITION.machine));
        Ok(Self {
            errand: Arc::new(errand),
            progress: Arc::clone(progress),
            store,
            clock,
            shard,
            window: Window::new(at.clone()),
            at,
            version,
            save_at: None,
            shelf,
            old,
            lanes: HashMap::new(),
            again: 0,
            tasks: JoinSet::new(),
            grown: None,
        })
    }

    /// Until the shard is given up, and what runs then has ended. A store that does not answer is asked again, with growing
    /// pauses.
    pub(super) async fn work(&mut self, tenure: &Tenure) -> Result<(), Failure> {
        let mut delays = None;
        while !tenure.is_leaving() {
            let error = match self.turn(tenure).await {
                Ok(()) => {
                    delays = None;
                    continue;
                }
                Err(Failure::Store(error)) => error,
                Err(failure) => return Err(failure),
            };
            self.progress.is_stuck();
            tracing::warn!(machine = M::DEFINITION.machine, shard = self.shard.0, %error, "effects cannot be done yet");
            let pause = delays.get_or_insert_with(pauses).next().unwrap_or_default();
            tokio::select! {
                () = tenure.left() => {}
                () = self.clock.sleep(pause) => {}
            }
        }
        while let Some(ended) = self.tasks.join_next().await {
            self.take_in(tenure, ended?).await?;
        }
        self.save().await
    }

    /// Does what is to be done now, and waits for what comes next.
    async fn turn(&mut self, tenure: &Tenure) -> Result<(), Failure> {
        let now = self.clock.monotonic();
        if self.window.unsaved() >= WINDOW_MAX || self.save_at.is_some_and(|at| at <= now) {
            self.save().await?;
        }
        if self.shelf.look_at() <= now {
            self.look().await?;
        }
        if self.held_up_at().is_some_and(|at| at <= now) {
            self.make_room(tenure).await?;
        }
        match self.next_sign(tenure, now).await {
            Sign::Left | Sign::Time => Ok(()),
            Sign::Ended(ended) => self.take_in(tenure, ended?).await,
            Sign::Grown(grown) => {
                self.grown = None;
                grown?;
                self.read().await
            }
        }
    }

    async fn next_sign(&mut self, tenure: &Tenure, now: Duration) -> Sign {
        let times = [self.save_at, self.held_up_at()].into_iter().flatten();
        let until = times.fold(self.shelf.look_at(), Duration::min);
        let has_room = self.window.room() > 0;
        let grown = self.grown.get_or_insert_with(|| {
            let (store, shard, at) = (Arc::clone(&self.store), self.shard, self.at.clone());
            Box::pin(async move { store.changed(shard, &at).await })
        });
        tokio::select! {
            () = tenure.left() => Sign::Left,
            Some(ended) = self.tasks.join_next() => Sign::Ended(ended),
            grown = grown, if has_room => Sign::Grown(grown),
            () = self.clock.sleep(until.saturating_sub(now)) => Sign::Time,
        }
    }

    /// Moves the checkpoint behind what is settled.
    async fn save(&mut self) -> Result<(), Failure> {
        if self.window.unsaved() > 0 {
            let value = Some(self.window.settled().0.clone());
            let put = Put { key: checkpoint::<M>(self.shard), version: Some(self.version), value };
            self.version = self.store.put(vec![put]).await?.pop().flatten().ok_or(Failure::Moved)?;
            self.window.saved();
        }
        self.save_at = None;
        self.tell_progress();
        Ok(())
    }

    /// Reads as many records as there is room for, and begins with their effects.
    async fn read(&mut self) -> Result<(), Failure> {
        let room = self.window.room();
        let page = if self.old {
            self.store.scan(self.shard, &self.at, room).await?
        } else {
            self.store.follow(self.shard, &self.at, room).await?
        };
        let covered = self.cover(&page.records).await?;
        let (old, now) = (self.old, self.clock.monotonic());
        self.old = old && page.records.len() == room;
        for (record, next) in page.records.into_iter().zip(page.cursors) {
            let number = self.window.push(next, now);
            let record = Arc::new(record);
            for (name, one) in pieces::<M>(&record) {
                if !covered.contains(&name) {
                    self.enqueue((name, one), Waiting { number, record: Arc::clone(&record), old });
                }
            }
        }
        self.at = page.next;
        self.advance();
        self.tell_progress();
        Ok(())
    }

    /// The names of those lanes whose records wait behind an effect that failed.
    async fn cover(&mut self, records: &[Record]) -> Result<BTreeSet<Box<str>>, Failure> {
        let mut last = BTreeMap::new();
        for record in records {
            let names = pieces::<M>(record).into_iter().map(|(name, _)| name);
            for name in names.filter(|name| !self.lanes.contains_key(name)) {
                last.insert(name, record.revision);
            }
        }
        self.shelf.cover(&last).await
    }

    fn enqueue(&mut self, piece: (Box<str>, Option<u32>), next: Waiting) {
        let (name, one) = piece;
        let number = next.number;
        let is_open = if let Some(lane) = self.lanes.get_mut(&name) {
            lane.wait(next)
        } else {
            self.spawn(name, Lane::begin(next, one, VecDeque::new()));
            true
        };
        if is_open {
            self.window.open(number);
        }
    }

    fn spawn(&mut self, name: Box<str>, begun: (Lane, Job)) {
        let ((lane, job), errand) = (begun, Arc::clone(&self.errand));
        self.again += usize::from(lane.cell().is_some());
        self.lanes.insert(name.clone(), lane);
        self.tasks.spawn(async move {
            let end = errand.run(job).await;
            (name, end)
        });
    }

    /// Work has ended: the shelf says so before the window does.
    async fn take_in(&mut self, tenure: &Tenure, ended: (Box<str>, End)) -> Result<(), Failure> {
        let (name, end) = ended;
        let Some(lane) = self.lanes.remove(&name) else { return Ok(()) };
        self.again -= usize::from(lane.cell().is_some());
        let end = match (end, lane.rest()) {
            (End::Done, Some(rest)) => End::Stopped(rest),
            (end, _) => end,
        };
        match end {
            End::Left => {}
            End::Done => self.go_on(tenure, name, lane).await?,
            End::Stopped(stop) => self.stop(tenure, (&name, lane), &stop).await?,
        }
        self.advance();
        Ok(())
    }

    /// What the lane has done is settled, and what was read since has its turn.
    async fn go_on(&mut self, tenure: &Tenure, name: Box<str>, lane: Lane) -> Result<(), Failure> {
        if let Some(version) = lane.cell() {
            let removed = self.shelf.remove(tenure, (&name, version)).await?;
            if !removed && !lane.is_one() {
                return Err(Failure::Moved);
            }
        }
        let (settled, mut waiting) = lane.done();
        for number in settled {
            self.window.settle(number);
        }
        if let Some(next) = waiting.pop_front().filter(|_| !tenure.is_leaving()) {
            self.spawn(name, Lane::begin(next, None, waiting));
        }
        Ok(())
    }

    /// The lane waits, with what was read since.
    async fn stop(&mut self, tenure: &Tenure, lane: (&str, Lane), stop: &Stop) -> Result<(), Failure> {
        let (name, mut lane) = lane;
        let pause = SignedDuration::try_from(stop.pause).unwrap_or(SignedDuration::MAX);
        let due = self.clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        let parked = lane.stopped(stop, due);
        self.cover_lane(tenure, (name, &mut lane), parked).await
    }

    /// The cell of a lane stands for all of it from now on.
    async fn cover_lane(
        &mut self,
        tenure: &Tenure,
        lane: (&str, &mut Lane),
        parked: Parked,
    ) -> Result<(), Failure> {
        let (name, lane) = lane;
        let version = self.shelf.park(tenure, (name, lane.cell().unwrap_or_default()), &parked).await?;
        let version = match version {
            Some(version) => version,
            // Who was asked to do it again has written it: that stands for it too.
            None if lane.is_one() => 0,
            None => return Err(Failure::Moved),
        };
        let settled = lane.covered(version, parked);
        for number in settled {
            self.window.settle(number);
        }
        Ok(())
    }

    /// When the oldest record has kept a full window from moving for long enough, and there is room for it on the shelf.
    fn held_up_at(&self) -> Option<Duration> {
        let (_, since) = self.window.oldest()?;
        let is_full = self.window.room() == 0 && self.again < AGAIN_MAX;
        is_full.then_some(since.saturating_add(HOLD_UP_MAX))
    }

    /// Puts the lane of the oldest record on the shelf while it goes on: it keeps the window from moving no more, and whoever
    /// comes after a kill begins with it.
    async fn make_room(&mut self, tenure: &Tenure) -> Result<(), Failure> {
        let Some((oldest, _)) = self.window.oldest() else { return Ok(()) };
        let name = self.lanes.iter().find(|(_, lane)| lane.has(oldest)).map(|(name, _)| name.clone());
        let Some((name, mut lane)) = name.and_then(|name| self.lanes.remove_entry(&name)) else {
            return Ok(());
        };
        self.again += usize::from(lane.cell().is_none());
        let parked = lane.going_on(self.clock.now());
        self.cover_lane(tenure, (&name, &mut lane), parked).await?;
        self.lanes.insert(name, lane);
        self.advance();
        Ok(())
    }

    /// Begins with what is due.
    async fn look(&mut self) -> Result<(), Failure> {
        let room = AGAIN_MAX.saturating_sub(self.again);
        let lanes = &self.lanes;
        let due = self.shelf.due(|name| lanes.contains_key(name), room).await?;
        for entry in due {
            self.spawn(entry.name.clone(), Lane::begin_again(&entry));
        }
        Ok(())
    }

    /// Since when the oldest record waits whose effects are under way.
    fn tell_progress(&self) {
        self.progress.waits(self.lanes.values().map(Lane::since).min());
    }

    fn advance(&mut self) {
        let now = self.clock.monotonic();
        self.window.advance(now);
        if self.window.unsaved() > 0 && self.save_at.is_none() {
            self.save_at = Some(now.saturating_add(SAVE_AFTER));
        }
    }
}

/// What is to be done of a record, one piece for each lane: the effects that keep their order, and each that waits for no
/// other.
fn pieces<M: Machine>(record: &Record) -> Vec<(Box<str>, Option<u32>)> {
    if *record.stream.machine != *M::DEFINITION.machine || record.step.kind != Kind::Step {
        return Vec::new();
    }
    let effects = &record.step.body.effects;
    let alone = (0..).zip(effects).filter(|(_, effect)| is_unordered::<M>(effect));
    let piece = |index| {
        let spot = Spot { revision: record.revision, index };
        (parked::name_of_one(&record.stream, spot), Some(index))
    };
    let mut pieces: Vec<_> = alone.map(|(index, _)| piece(index)).collect();
    if pieces.len() < effects.len() {
        pieces.push((parked::name(&record.stream), None));
    }
    pieces
}

fn checkpoint<M: Machine>(shard: Shard) -> CellKey {
    effects_checkpoint(shard, M::DEFINITION.machine)
}

/// Where it stands how far the effects of a machine have run.
pub(crate) fn effects_checkpoint(shard: Shard, machine: &str) -> CellKey {
    CellKey { shard, name: format!("effects/{machine}").into() }
}
