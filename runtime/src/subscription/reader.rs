//! Lanes as one: a page of each in turn, and what is said when all are at their ends.

use super::SubscriptionError;
use super::lane::Lane;
use crate::personal::{Opener, Seals};
use crate::store::{Cursor, Record, Shard, Store, StoreError};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// There is a record to [`take`](Reader::take).
    Record,
    CaughtUp,
    FellBehind,
}

/// Where a record was taken: the place behind it.
pub(super) struct Taken {
    pub(super) shard: Shard,
    pub(super) at: Cursor,
}

pub(super) struct Reader {
    store: Arc<dyn Store>,
    /// The first is the one whose page is held.
    lanes: VecDeque<Lane>,
    page: VecDeque<(Record, Cursor)>,
    opener: Opener,
    /// What opens the next record.
    seals: Seals,
    caught_up: bool,
    /// It is to be said.
    fell_behind: bool,
}

impl Reader {
    pub(super) fn new(store: Arc<dyn Store>, lanes: Vec<Lane>, opener: Opener) -> Self {
        let (page, lanes) = (VecDeque::new(), lanes.into());
        Self { store, lanes, page, opener, seals: Seals::default(), caught_up: false, fell_behind: false }
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    pub(super) fn is_buffered(&self) -> bool {
        !self.page.is_empty()
    }

    /// Waits for what comes next. Cancel safe.
    pub(super) async fn turn(&mut self) -> Result<Turn, StoreError> {
        loop {
            if std::mem::take(&mut self.fell_behind) {
                return Ok(Turn::FellBehind);
            }
            if let Some((record, _)) = self.page.front() {
                self.seals = self.opener.seals([record]).await?;
                return Ok(Turn::Record);
            }
            if !self.caught_up && !self.lanes.is_empty() && self.lanes.iter().all(|lane| lane.reached) {
                self.caught_up = true;
                return Ok(Turn::CaughtUp);
            }
            self.read().await?;
        }
    }

    /// Reads a page of the next lane that may have something; waits for it.
    async fn read(&mut self) -> Result<(), StoreError> {
        // A store that answers at once must not keep the thread from others.
        tokio::task::yield_now().await;
        let (lanes, store) = (&mut self.lanes, &self.store);
        let due = poll_fn(|cx| {
            for lane in lanes.iter_mut() {
                lane.poll(store, cx)?;
            }
            match lanes.iter().position(Lane::is_due) {
                Some(place) => Poll::Ready(Ok::<_, StoreError>(place)),
                None => Poll::Pending,
            }
        });
        let place = due.await?;
        self.lanes.rotate_left(place);
        let Some(lane) = self.lanes.front_mut() else { return Ok(()) };
        let (page, more) = lane.read(&*self.store).await?;
        if more && self.caught_up {
            (self.caught_up, self.fell_behind) = (false, true);
        }
        self.page = page.into();
        if self.page.is_empty() {
            self.lanes.rotate_left(1);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, lane: Lane) {
        self.lanes.push_back(lane);
    }

    /// Nothing more is taken from a shard.
    pub(super) fn remove(&mut self, shard: Shard) {
        if self.lanes.front().is_some_and(|lane| lane.shard == shard) {
            self.page.clear();
        }
        self.lanes.retain(|lane| lane.shard != shard);
    }

    /// Takes the next record; what cannot be read stays where it is. With where it stood; without the record: it is not to
    /// be handed out.
    pub(super) fn take<T>(
        &mut self,
        read: impl FnOnce(Record) -> Result<Option<T>, SubscriptionError>,
    ) -> Result<Option<(Option<T>, Taken)>, SubscriptionError> {
        let (Some((record, behind)), Some(lane)) = (self.page.pop_front(), self.lanes.front_mut()) else {
            return Ok(None);
        };
        let item = match self.seals.enter(|| read(record)) {
            Ok(item) => item,
            Err(error) => {
                self.page.clear();
                lane.again();
                return Err(error);
            }
        };
        lane.at = behind;
        let taken = Taken { shard: lane.shard, at: lane.at.clone() };
        if self.page.is_empty() {
            self.lanes.rotate_left(1);
        }
        Ok(Some((item, taken)))
    }
}
