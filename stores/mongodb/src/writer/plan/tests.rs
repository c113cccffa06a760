//! Plans of small groups.

use super::{End, Plan, Wish, needs};
use crate::codec::{Prepared, Row, head};
use statewright::store::{Append, Kind, Outcome, RecordedStep, Shard, StoreError, StreamId, Unit};
use std::collections::{BTreeMap, HashMap};

fn id(name: &str) -> StreamId {
    StreamId::new("", "M", name)
}

fn wish(name: &str, shard: u16, after: i64, kinds: &[Kind]) -> Wish {
    let step = |kind: &Kind| RecordedStep { kind: *kind, command: "c".into(), ..RecordedStep::default() };
    let append = Append { stream: id(name), after: head(after), steps: kinds.iter().map(step).collect() };
    Wish::of(Prepared::of(append, Shard(shard)).expect("plain"))
}

fn ends(ends: &[(&str, i64)]) -> HashMap<StreamId, End> {
    ends.iter().map(|(name, revision)| (id(name), End { revision: *revision, deleted: false })).collect()
}

const STEP: &[Kind] = &[Kind::Step];
const TWO: &[Kind] = &[Kind::Step, Kind::Step];

#[test]
fn a_group_is_decided_in_its_order() {
    let wishes = [
        wish("a", 0, 3, TWO),
        wish("a", 0, 3, STEP),
        wish("a", 0, 5, &[Kind::Deleted]),
        wish("a", 0, 6, STEP),
        wish("b", 1, 7, STEP),
    ];
    let plan = Plan::of(&wishes, Unit::Each, ends(&[("a", 3), ("b", 2)]), &HashMap::new());
    let outcomes = plan.outcomes(&wishes);
    assert!(matches!(outcomes[0], Outcome::Appended(end) if end == head(5)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Conflict(end) if end == head(5)), "{outcomes:?}");
    assert!(matches!(outcomes[2], Outcome::Appended(end) if end == head(6)), "{outcomes:?}");
    assert!(matches!(outcomes[3], Outcome::Gone), "{outcomes:?}");
    assert!(matches!(outcomes[4], Outcome::Conflict(end) if end == head(2)), "{outcomes:?}");
}

#[test]
fn positions_follow_each_other_and_the_surplus_is_taken_back() {
    let mut wishes =
        [wish("a", 0, 0, TWO), wish("b", 0, 9, STEP), wish("c", 0, 0, STEP), wish("d", 1, 9, STEP)];
    let raised = needs(&wishes);
    assert_eq!(raised, BTreeMap::from([(0, 4), (1, 1)]));
    let plan = Plan::of(&wishes, Unit::Each, HashMap::new(), &HashMap::new());
    let surplus = plan.place(&mut wishes, &raised, &BTreeMap::from([(0, 104), (1, 8)]));
    assert_eq!(surplus, BTreeMap::from([(0, -1), (1, -1)]));
    let places = plan.fitting(&wishes).flat_map(|wish| wish.prepared.rows.iter().map(|row| row.position));
    assert_eq!(places.collect::<Vec<_>>(), [101, 102, 103]);
}

#[test]
fn of_a_whole_batch_nothing_is_written_when_one_part_does_not_fit() {
    let mut wishes = [wish("a", 0, 0, STEP), wish("b", 1, 9, STEP)];
    let plan = Plan::of(&wishes, Unit::Batch, HashMap::new(), &HashMap::new());
    let outcomes = plan.outcomes(&wishes);
    assert!(matches!(outcomes[0], Outcome::Refused(StoreError::Batch)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Conflict(_)), "{outcomes:?}");
    let raised = needs(&wishes);
    let surplus = plan.place(&mut wishes, &raised, &BTreeMap::from([(0, 1), (1, 1)]));
    assert_eq!(surplus, BTreeMap::from([(0, -1), (1, -1)]));
    assert_eq!(plan.fitting(&wishes).count(), 0);
}

#[test]
fn what_a_lost_commit_has_written_is_recognised_by_its_place() {
    let lost = || {
        let mut wish = wish("a", 0, 0, STEP);
        wish.prepared.rows[0].position = 17;
        wish.lose();
        wish
    };
    let found = |position, command: &str| {
        let row = Row { position, command: command.into(), ..lost().prepared.rows[0].clone() };
        HashMap::from([(row.key.clone(), row)])
    };
    let cases = [(17, "c", true), (18, "c", false), (17, "d", false)];
    for (position, command, landed) in cases {
        let plan = Plan::of(&[lost()], Unit::Each, ends(&[("a", 1)]), &found(position, command));
        let outcomes = plan.outcomes(&[lost()]);
        assert_eq!(
            matches!(outcomes[0], Outcome::Appended(_)),
            landed,
            "{position}, {command}: {outcomes:?}"
        );
    }
    let plan = Plan::of(&[lost()], Unit::Each, HashMap::new(), &HashMap::new());
    assert_eq!(plan.fitting(&[lost()]).count(), 1, "it did not land, so it is written");
}
