//! Questions about many records at once: how many there are of each kind, and how long streams stood where.
//!
//! A store that can answer them where its records lie does ([`Store::queries`]); for all others they are computed from
//! `scan`, `streams` and `read`, page by page. Nothing here knows a machine: states and triggers are names as recorded.

pub mod computed;
mod seek;

pub use seek::last_by;

use super::{Answer, Kind, RecordedStep, Store, StoreError};
use crate::explain::Text;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Groups that one answer holds at the most; a question that makes more is refused.
pub const GROUPS_MAX: usize = 100_000;

/// Records, and addresses, that are read at once where an answer is computed.
pub const PAGE_MAX: usize = 512;

/// Answers a store gives by itself, each the same as the one that is computed from its records.
pub trait Queries: Send + Sync {
    /// See [`count`].
    fn count<'a>(
        &'a self,
        scope: &'a Scope,
        selection: &'a Selection,
        by: By,
    ) -> Answer<'a, BTreeMap<Key, u64>>;

    /// See [`times`].
    fn times<'a>(&'a self, scope: &'a Scope, from: Timestamp, to: Timestamp) -> Answer<'a, Times>;
}

/// Whose records: one machine's, of one tenant or all, of one instance or all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The machine's name.
    pub machine: Arc<str>,
    /// Only this tenant's; empty where there are none.
    pub tenant: Option<Arc<str>>,
    /// Only those of the instance with this id.
    pub instance: Option<Arc<str>>,
}

/// Which records of a scope: those that fit all of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Selection {
    /// Any of these kinds.
    pub kinds: Vec<Kind>,
    /// Not before.
    pub since: Timestamp,
    /// Before.
    pub until: Timestamp,
    /// Any of these triggers; `None`: whatever the trigger.
    pub triggers: Option<Vec<Text>>,
    /// The state left has any of these names in it.
    pub from: Option<Vec<Text>>,
    /// The state entered has any of these names in it.
    pub to: Option<Vec<Text>>,
    /// Only where the two differ.
    pub changes: bool,
}

impl Default for Selection {
    /// Every step.
    fn default() -> Self {
        Self {
            kinds: vec![Kind::Step],
            since: Timestamp::MIN,
            until: Timestamp::MAX,
            triggers: None,
            from: None,
            to: None,
            changes: false,
        }
    }
}

/// What records are counted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The state entered, as recorded.
    State,
    /// The trigger.
    Trigger,
    /// Spans of time, all of one length, one of which begins `offset` before 1970; in microseconds.
    Time {
        /// How long; at least 1.
        width: i64,
        /// Where they begin.
        offset: i64,
    },
}

/// What a count is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// A state or trigger, as recorded.
    Name(Text),
    /// A span of time, by its beginning in microseconds since 1970.
    Time(i64),
}

/// Where a stream stands from one record to the next.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// In a state, by its recorded name.
    In(Text),
    /// Nowhere any more.
    Deleted,
    /// Nobody knows: the record was erased.
    Erased,
}

/// Time spent somewhere, of all streams together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spent {
    /// How long, in microseconds.
    pub time: Duration,
    /// Streams that are there when the span ends.
    pub at_end: u64,
}

/// How long the streams of a scope stood where, within a span of time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// How many streams there are: the times of all places and `absent` sum to this times the span.
    pub streams: u64,
    /// Before their first records.
    pub absent: Spent,
    /// Places in which time was spent, or in which a stream is at the end.
    pub places: BTreeMap<Place, Spent>,
}

/// Counts the records of a selection, by the store itself if it can.
///
/// # Errors
/// What the store says; [`StoreError::TooManyGroups`].
pub async fn count(
    store: &dyn Store,
    scope: &Scope,
    selection: &Selection,
    by: By,
) -> Result<BTreeMap<Key, u64>, StoreError> {
    match store.queries() {
        Some(queries) => queries.count(scope, selection, by).await,
        None => computed::count(store, scope, selection, by).await,
    }
}

/// How long the streams of a scope stood where, from `from` to `to`; by the store itself if it can. A stream stands in
/// the state that a record enters until the next one; at `to` it is where the last record by then has led.
///
/// # Errors
/// What the store says; [`StoreError::TooManyGroups`].
pub async fn times(
    store: &dyn Store,
    scope: &Scope,
    from: Timestamp,
    to: Timestamp,
) -> Result<Times, StoreError> {
    match store.queries() {
        Some(queries) => queries.times(scope, from, to).await,
        None => computed::times(store, scope, (from, to)).await,
    }
}

/// Whole microseconds since 1970, rounded down: records keep no more.
pub fn micros(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1_000)).unwrap_or_default()
}

impl Selection {
    /// Whether a record is among them.
    pub fn holds(&self, step: &RecordedStep) -> bool {
        let at = micros(step.at);
        self.kinds.contains(&step.kind)
            && micros(self.since) <= at
            && at < micros(self.until)
            && self.triggers.as_ref().is_none_or(|triggers| triggers.contains(&step.trigger))
            && self.from.as_ref().is_none_or(|names| has_any(&step.from, names))
            && self.to.as_ref().is_none_or(|names| has_any(&step.to, names))
            && (!self.changes || step.from != step.to)
    }
}

/// Whether a recorded state has one of these leaves.
fn has_any(state: &str, names: &[Text]) -> bool {
    state.split('+').any(|leaf| names.iter().any(|name| name == leaf))
}

impl Place {
    /// Where a record leads.
    pub fn behind(step: &RecordedStep) -> Self {
        match step.kind {
            Kind::Step | Kind::Rejection => Self::In(step.to.clone()),
            Kind::Deleted => Self::Deleted,
            Kind::Erased => Self::Erased,
        }
    }
}

impl Spent {
    pub(crate) fn add(&mut self, other: Self) {
        self.time = self.time.saturating_add(other.time);
        self.at_end += other.at_end;
    }
}
