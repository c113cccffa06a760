//! How long visits last.

use super::HistoryError;
use super::distribution::read;
use crate::definition::NodeId;
use crate::error::LoadError;
use crate::explain::Text;
use crate::machine::{Machine, active};
use crate::store::query::{GROUPS_MAX, PAGE_MAX, Place, Scope, micros};
use crate::store::{Record, Revision, Shard, Store, StreamId};
use jiff::Timestamp;
use sketches_ddsketch::DDSketch;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// How long visits lasted, by node. A visit lasts from the record behind which a node is active to the first one behind
/// which it is not: a state that is left and entered again in one step was not left, and a compound state is visited as
/// long as the instance moves inside.
#[derive(Debug, Default)]
pub struct Dwell {
    visits: BTreeMap<NodeId, Visits>,
}

/// The visits of one node.
#[derive(Default)]
pub struct Visits {
    ended: DDSketch,
    total: Duration,
    open: u64,
}

impl Dwell {
    /// The visits of a node; `None`: there were none.
    pub fn of(&self, node: impl Into<NodeId>) -> Option<&Visits> {
        self.visits.get(&node.into())
    }

    /// Every node with visits, in source order.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Visits)> {
        self.visits.iter().map(|(node, visits)| (*node, visits))
    }
}

impl Visits {
    /// How many have ended.
    pub fn ended(&self) -> u64 {
        self.ended.count() as u64
    }

    /// How many go on at the end of the span; they stand in no percentile.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// How long those that have ended lasted together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The time within which this share of the ended visits was over, from 0 to 1: 0.5 is the median. `None` without any.
    /// At most 1 % more or less than the visit of that rank, by `DDSketch` (Masson, Rim and Lee, VLDB 2019).
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let micros = self.ended.quantile(share.clamp(0.0, 1.0)).ok()??;
        Duration::try_from_secs_f64(micros / 1e6).ok()
    }
}

/// Walks through the streams of a scope; visits that end from `from` to before `to` count.
pub(super) async fn measure<M: Machine>(
    store: &dyn Store,
    scope: &Scope,
    (from, to): (Timestamp, Timestamp),
) -> Result<Dwell, HistoryError> {
    let mut walk = Walk::<M> {
        span: (micros(from), micros(to)),
        dwell: Dwell::default(),
        known: HashMap::new(),
        here: BTreeMap::new(),
        machine: PhantomData,
    };
    let fail = |source| HistoryError::Store { machine: M::DEFINITION.machine.to_owned(), source };
    for shard in (0..store.limits().shards).map(Shard) {
        let mut after: Option<StreamId> = None;
        loop {
            let page = store.streams(shard, after.as_ref(), PAGE_MAX).await.map_err(fail)?;
            for stream in page.iter().filter(|stream| scope.holds(stream)) {
                walk.stream(store, stream).await?;
            }
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
        }
    }
    Ok(walk.dwell)
}

struct Walk<M: Machine> {
    span: (i64, i64),
    dwell: Dwell,
    /// Active nodes of recorded states.
    known: HashMap<Text, Arc<[NodeId]>>,
    /// Nodes that are active, and since when.
    here: BTreeMap<NodeId, i64>,
    machine: PhantomData<M>,
}

impl<M: Machine> Walk<M> {
    async fn stream(&mut self, store: &dyn Store, stream: &StreamId) -> Result<(), HistoryError> {
        self.here.clear();
        let mut after = Revision(0);
        loop {
            let read = store.read(stream, after, PAGE_MAX).await;
            let (records, _) = read.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
            let Some(last) = records.last() else { break };
            after = last.revision;
            let in_time = records.partition_point(|record| micros(record.step.at) < self.span.1);
            for record in records.iter().take(in_time) {
                self.record(record)?;
            }
            if in_time < records.len() {
                break;
            }
        }
        for node in std::mem::take(&mut self.here).into_keys() {
            self.dwell.visits.entry(node).or_default().open += 1;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), HistoryError> {
        let at = micros(record.step.at);
        let active = match Place::behind(&record.step) {
            Place::In(name) => self.active(&name)?,
            Place::Deleted => Arc::default(),
            Place::Erased => {
                // Nobody knows what was left there, or when.
                self.here.clear();
                return Ok(());
            }
        };
        let (span, visits) = (self.span, &mut self.dwell.visits);
        self.here.retain(|node, since| {
            let stays = active.contains(node);
            if !stays && at >= span.0 {
                visits.entry(*node).or_default().end(at.saturating_sub(*since));
            }
            stays
        });
        for node in active.iter() {
            self.here.entry(*node).or_insert(at);
        }
        Ok(())
    }

    fn active(&mut self, name: &Text) -> Result<Arc<[NodeId]>, HistoryError> {
        if let Some(active) = self.known.get(name) {
            return Ok(Arc::clone(active));
        }
        let configuration = active::<M>(read::<M>(name)?);
        let nodes: Arc<[NodeId]> = M::DEFINITION.ids().filter(|id| configuration.contains(*id)).collect();
        if self.known.len() < GROUPS_MAX {
            self.known.insert(name.clone(), Arc::clone(&nodes));
        }
        Ok(nodes)
    }
}

impl Visits {
    fn end(&mut self, micros: i64) {
        let lasted = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        self.total = self.total.saturating_add(lasted);
        self.ended.add(lasted.as_secs_f64() * 1e6);
    }
}

impl fmt::Debug for Visits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visits")
            .field("ended", &self.ended())
            .field("open", &self.open)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
