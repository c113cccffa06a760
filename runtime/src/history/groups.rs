//! Counts of records by what they have in common.

use super::HistoryError;
use super::distribution::read;
use crate::explain::Text;
use crate::machine::Machine;
use crate::store::query::{self, By};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// What records are counted by. Times are in UTC; a week begins on Monday.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupBy {
    /// The state entered, a whole one: with regions, one of each.
    State,
    /// The trigger; a timer by its name.
    Trigger,
    /// The hour.
    Hour,
    /// The day.
    Day,
    /// The week.
    Week,
    /// The month.
    Month,
}

/// What the records of a group have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key<S> {
    /// The state entered; `None` for deletions and for what was erased.
    State(Option<S>),
    /// The trigger; empty for a beginning without one.
    Trigger(Text),
    /// The hour, day, week or month that begins then.
    Time(Timestamp),
}

/// Records that have something in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group<S> {
    /// What.
    pub key: Key<S>,
    /// How many there are.
    pub records: u64,
}

impl GroupBy {
    pub(super) fn by(self) -> By {
        match self {
            Self::State => By::State,
            Self::Trigger => By::Trigger,
            Self::Hour => By::Time { width: HOUR, offset: 0 },
            // Months are made of days: they have no one length.
            Self::Day | Self::Month => By::Time { width: DAY, offset: 0 },
            // 1970 began on a Thursday.
            Self::Week => By::Time { width: 7 * DAY, offset: 3 * DAY },
        }
    }

    /// Counts by recorded names and spans of time, as the machine has them. By state and time in order.
    pub(super) fn groups<M: Machine>(
        self,
        counts: BTreeMap<query::Key, u64>,
    ) -> Result<Vec<Group<M::State>>, HistoryError> {
        let mut groups: Vec<Group<M::State>> = Vec::with_capacity(counts.len());
        for (key, records) in counts {
            let key = self.key::<M>(key)?;
            // Former names of a state are one with it; days of a month lie side by side.
            let same = match key {
                Key::State(_) => groups.iter_mut().find(|group| group.key == key),
                Key::Trigger(_) | Key::Time(_) => groups.last_mut().filter(|group| group.key == key),
            };
            match same {
                Some(group) => group.records += records,
                None => groups.push(Group { key, records }),
            }
        }
        Ok(groups)
    }

    fn key<M: Machine>(self, key: query::Key) -> Result<Key<M::State>, HistoryError> {
        Ok(match (key, self) {
            (query::Key::Name(name), Self::State) => {
                Key::State((!name.is_empty()).then(|| read::<M>(&name)).transpose()?)
            }
            (query::Key::Name(name), _) => Key::Trigger(name),
            (query::Key::Time(micros), _) => {
                let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN);
                Key::Time(if self == Self::Month { month(time) } else { time })
            }
        })
    }
}

/// The beginning of the month.
fn month(time: Timestamp) -> Timestamp {
    let day = TimeZone::UTC.to_datetime(time).date().first_of_month();
    TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).unwrap_or(Timestamp::MIN)
}
