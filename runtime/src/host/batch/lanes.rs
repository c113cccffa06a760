//! A lane for each instance of a batch: its requests in the order given. Among lanes that could go on, the highest
//! priority goes first, then the earliest request.

use super::request::Item;
use crate::machine::Machine;
use crate::store::StreamId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

pub(super) struct Lanes<M: Machine> {
    lanes: HashMap<StreamId, Lane<M>>,
    /// One for each lane that has something and is not held.
    ready: BinaryHeap<Turn>,
}

struct Lane<M: Machine> {
    waiting: VecDeque<Item<M>>,
    /// Something of it is under way, or it pauses.
    held: bool,
    /// Until when a full queue is waited for.
    patience: Option<Duration>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    priority: i32,
    place: Reverse<u64>,
    stream: StreamId,
}

impl Turn {
    fn of<M: Machine>(item: &Item<M>) -> Self {
        Self { priority: item.priority, place: Reverse(item.place), stream: item.stream.clone() }
    }
}

impl<M: Machine> Lanes<M> {
    pub(super) fn new() -> Self {
        Self { lanes: HashMap::new(), ready: BinaryHeap::new() }
    }

    /// No request waits and nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn push(&mut self, item: Item<M>) {
        let lane = self.lanes.entry(item.stream.clone()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            held: false,
            patience: None,
        });
        if lane.waiting.is_empty() && !lane.held {
            self.ready.push(Turn::of(&item));
        }
        lane.waiting.push_back(item);
    }

    /// The requests of one instance that go next, at most `max`; the lane is held. None of them goes before a request of
    /// another instance that has a higher priority.
    pub(super) fn next(&mut self, max: usize) -> Option<Vec<Item<M>>> {
        let turn = self.ready.pop()?;
        let others = self.ready.peek().map_or(i32::MIN, |turn| turn.priority);
        let lane = self.lanes.get_mut(&turn.stream)?;
        lane.held = true;
        let max = if lane.patience.is_some() { 1 } else { max };
        let count = lane.waiting.iter().skip(1).take(max - 1).take_while(|item| item.priority >= others);
        let count = 1 + count.count();
        Some(lane.waiting.drain(..count).collect())
    }

    /// Puts requests back, in front. The lane stays held.
    pub(super) fn give_back(&mut self, stream: &StreamId, items: Vec<Item<M>>) {
        let Some(lane) = self.lanes.get_mut(stream) else { return };
        items.into_iter().rev().for_each(|item| lane.waiting.push_front(item));
    }

    /// Until when this lane waits for a full queue; `until` when it begins to.
    pub(super) fn patience(&mut self, stream: &StreamId, until: Duration) -> Duration {
        self.lanes.get_mut(stream).map_or(until, |lane| *lane.patience.get_or_insert(until))
    }

    /// The queue took its requests, or is waited for no longer.
    pub(super) fn forget_patience(&mut self, stream: &StreamId) {
        if let Some(lane) = self.lanes.get_mut(stream) {
            lane.patience = None;
        }
    }

    /// The lane goes on.
    pub(super) fn release(&mut self, stream: &StreamId) {
        let Some(lane) = self.lanes.get_mut(stream) else { return };
        lane.held = false;
        match lane.waiting.front() {
            Some(item) => self.ready.push(Turn::of(item)),
            None => {
                self.lanes.remove(stream);
            }
        }
    }

    /// Everything that waits, in the order of the input, and no lane is left.
    pub(super) fn clear(&mut self) -> Vec<Item<M>> {
        self.ready.clear();
        let mut items: Vec<_> = self.lanes.drain().flat_map(|(_, lane)| lane.waiting).collect();
        items.sort_by_key(|item| item.place);
        items
    }
}
