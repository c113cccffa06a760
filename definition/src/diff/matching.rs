//! Which arm of a state is which in the new version: by what they answer and their guards, as written; then those that
//! differ in one of the two.
//!
//! Arms that are alike are matched in source order, so that both versions find the same pairs.

use super::pair::Pair;
use crate::{ActionDef, ArmDef, Definition, NodeId, On, text};
use std::collections::{BTreeMap, VecDeque};

/// An arm with its parts as text, names of states as the new version has them.
pub(super) struct Side<'a> {
    pub(super) arm: &'a ArmDef<'a>,
    pub(super) on: String,
    /// The triggers it can match, or what it waits for.
    pub(super) answers: Vec<&'a str>,
    guard: String,
    target: String,
    actions: String,
}

/// The arms of a state in the two versions.
pub(super) struct Matching<'a, 'b> {
    pub(super) old: Vec<Side<'a>>,
    pub(super) new: Vec<Side<'b>>,
    /// For each old one, the place of the new one.
    pub(super) places: Vec<Option<usize>>,
    taken: Vec<bool>,
}

type Key<'s> = (&'s str, &'s [&'s str], &'s str, &'s str, &'s str);

impl<'a, 'b> Matching<'a, 'b> {
    /// `None` stands for the machine itself.
    pub(super) fn of(pair: &Pair<'a, 'b>, was: Option<NodeId>, is: Option<NodeId>) -> Self {
        let old = sides(&pair.old, was, |arm| pair.old_target(arm));
        let new = sides(&pair.new, is, |arm| pair.new_target(arm));
        let (places, taken) = (vec![None; old.len()], vec![false; new.len()]);
        let mut matching = Self { old, new, places, taken };
        matching.pass(|side| (&side.on, &[], &side.guard, "", ""));
        matching.pass(|side| ("", &side.answers, &side.guard, &side.target, &side.actions));
        matching.pass(|side| ("", &side.answers, &side.guard, "", ""));
        matching.pass(|side| ("", &side.answers, "", &side.target, &side.actions));
        matching
    }

    /// Matches those with the same key that are not matched yet, in source order.
    fn pass(&mut self, key: for<'s> fn(&'s Side<'_>) -> Key<'s>) {
        let mut free: BTreeMap<Key<'_>, VecDeque<usize>> = BTreeMap::new();
        for (place, side) in self.new.iter().enumerate().filter(|(place, _)| !self.taken[*place]) {
            free.entry(key(side)).or_default().push_back(place);
        }
        for (side, place) in self.old.iter().zip(&mut self.places).filter(|(_, place)| place.is_none()) {
            *place = free.get_mut(&key(side)).and_then(VecDeque::pop_front);
            if let Some(place) = *place {
                self.taken[place] = true;
            }
        }
    }

    /// The new arms that were not there.
    pub(super) fn added(&self) -> impl Iterator<Item = (usize, &Side<'b>)> {
        self.new.iter().enumerate().filter(|(place, _)| !self.taken[*place])
    }
}

impl Side<'_> {
    /// Whether it does something else than another one.
    pub(super) fn differs(&self, other: &Side<'_>) -> bool {
        let same = self.on == other.on && self.guard == other.guard;
        !same || self.target != other.target || self.actions != other.actions
    }
}

fn sides<'a>(
    definition: &Definition<'a>,
    source: Option<NodeId>,
    target: impl Fn(&ArmDef<'_>) -> String,
) -> Vec<Side<'a>> {
    let side = |(_, arm): (usize, &'a ArmDef<'a>)| Side {
        arm,
        on: text::folded(&arm.on.to_string()),
        answers: answers(definition, arm),
        guard: text::folded(arm.guard.unwrap_or_default()),
        target: target(arm),
        actions: actions(arm.actions),
    };
    text::own_arms(definition, source).map(side).collect()
}

/// The triggers that an arm can match, by name and sorted, or what it waits for.
fn answers<'a>(definition: &Definition<'a>, arm: &ArmDef<'a>) -> Vec<&'a str> {
    let mut names: Vec<_> =
        arm.triggers().iter().filter_map(|id| definition.trigger(*id)).map(|trigger| trigger.name).collect();
    names.sort_unstable();
    match arm.on {
        On::Trigger { .. } => names,
        On::Always => vec!["always"],
        On::Done => vec!["done"],
        On::After(_) => vec!["after"],
        On::Every(_) => vec!["every"],
    }
}

/// Actions as they are written in a block, on one line.
pub(super) fn actions(actions: &[ActionDef<'_>]) -> String {
    let actions: Vec<_> = actions.iter().map(|action| text::folded(&text::action(action))).collect();
    actions.join(", ")
}
