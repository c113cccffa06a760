//! A month of an incident desk, of the shape of a real one: seeded, so that it is the same every time.

use super::input::Row;
use dsl_examples::incident::{Line, Substatus};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

/// Incidents of the month.
const CASES: usize = 7_500;

/// Longest life of an incident, in moves.
const MOVES_MAX: usize = 40;

/// 2013-05-01T00:00:00Z.
const START: i64 = 1_367_366_400;

const COUNTRIES: [&str; 5] = ["Sweden", "Poland", "India", "Brazil", "France"];

/// All rows, in order of time.
pub(crate) fn month(seed: u64) -> Vec<Row> {
    let mut rng = Rng::with_seed(seed);
    let mut rows: Vec<Row> = (0..CASES).flat_map(|case| life(&mut rng, case)).collect();
    rows.sort_by_key(|row| row.time);
    (1..).zip(&mut rows).for_each(|(number, row)| row.number = number);
    rows
}

/// A walk through the desk, with now and then a move that the desk does not allow.
fn life(rng: &mut Rng, case: usize) -> Vec<Row> {
    let mut time = Timestamp::from_second(START + rng.i64(0..30 * 86_400)).unwrap_or(Timestamp::UNIX_EPOCH);
    let country = COUNTRIES[rng.usize(..COUNTRIES.len())];
    let by =
        Line { line: format!("Org line {}", char::from(b'A' + rng.u8(..8))), country: country.to_owned() };
    let mut here = if rng.u8(..100) < 85 { Substatus::InProgress } else { Substatus::AwaitingAssignment };
    let mut rows = Vec::new();
    for _ in 0..MOVES_MAX {
        rows.push(Row {
            number: 0,
            case: format!("1-{:09}", 364_000_000 + case),
            time,
            to: here,
            by: by.clone(),
        });
        let Some(next) = next(rng, here) else { break };
        time = time.saturating_add(SignedDuration::from_secs(rng.i64(0..40_000))).unwrap_or(time);
        here = next;
    }
    rows
}

fn next(rng: &mut Rng, here: Substatus) -> Option<Substatus> {
    use Substatus::{
        Assigned, AwaitingAssignment, Cancelled, Closed, InCall, InProgress, Resolved, WaitUser,
    };
    let dice = rng.u8(..100);
    if dice < 2 {
        return Some(Substatus::ALL[rng.usize(..Substatus::ALL.len())]);
    }
    let next = match (here, dice) {
        (Closed | InCall | Cancelled, _) => return None,
        (AwaitingAssignment, ..75) => InProgress,
        (AwaitingAssignment, ..90) => Assigned,
        (AwaitingAssignment, _) => AwaitingAssignment,
        (Resolved, ..85) => Closed,
        (_, ..40) => InProgress,
        (_, ..65) => AwaitingAssignment,
        (_, ..76) => WaitUser,
        (_, ..80) => InCall,
        _ => Resolved,
    };
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_the_same_every_time_and_in_order() {
        let rows = month(1);
        assert_eq!(rows, month(1));
        assert_ne!(rows, month(2));
        assert!(rows.len() > 30_000 && rows.is_sorted_by_key(|row| row.time));
    }
}
