//! What holds of any two machines: a random tree, and the same with some edits, read by names alone.

use super::written::machine;
use crate::diff::{Change, Severity, Subject, What};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Shape {
    Leaf,
    Final,
    Compound,
    Parallel,
    Region,
}

#[derive(Clone, Debug)]
struct Tree {
    /// The name in the old version.
    was: String,
    name: String,
    /// Whether `migrate` says so when the name is another.
    migrated: bool,
    shape: Shape,
    history: bool,
    timers: Vec<u8>,
    arms: Vec<(u8, u8, u8)>,
    children: Vec<Tree>,
}

/// What is edited, and where: places of nodes, counted over the tree.
type Edit = (u8, usize, usize);

fn tree() -> impl Strategy<Value = Tree> {
    let node = |shape, history, children| Tree { history, children, ..Tree::empty(shape) };
    let arms = proptest::collection::vec((0..3_u8, 0..2_u8, 0..3_u8), 0..4);
    let timers = proptest::collection::vec(0..4_u8, 0..3).prop_map(|mut timers| {
        timers.sort_unstable();
        timers.dedup();
        timers
    });
    let leaf = (timers, arms).prop_map(move |(timers, arms)| Tree {
        timers,
        arms,
        ..node(Shape::Leaf, false, Vec::new())
    });
    let nested = leaf.prop_recursive(3, 8, 2, move |inner| {
        let children = proptest::collection::vec(inner, 1..3);
        let region = children.clone().prop_map(move |children| node(Shape::Region, false, children));
        let regions = proptest::collection::vec(region, 2..4);
        prop_oneof![
            (any::<bool>(), children).prop_map(move |(history, children)| node(
                Shape::Compound,
                history,
                children
            )),
            (any::<bool>(), regions).prop_map(move |(history, regions)| node(
                Shape::Parallel,
                history,
                regions
            )),
        ]
    });
    proptest::collection::vec(nested, 1..4).prop_map(move |children| {
        let mut root = node(Shape::Compound, false, children);
        let mut count = 0;
        root.each(&mut |node| {
            node.was = format!("N{count}");
            node.name.clone_from(&node.was);
            count += 1;
        });
        root
    })
}

impl Tree {
    fn empty(shape: Shape) -> Self {
        Self {
            was: String::new(),
            name: String::new(),
            migrated: false,
            shape,
            history: false,
            timers: Vec::new(),
            arms: Vec::new(),
            children: Vec::new(),
        }
    }

    fn named(shape: Shape, name: &str, children: Vec<Tree>) -> Self {
        Self { was: name.to_owned(), name: name.to_owned(), children, ..Self::empty(shape) }
    }

    fn each(&mut self, act: &mut impl FnMut(&mut Tree)) {
        act(self);
        self.children.iter_mut().for_each(|child| child.each(act));
    }

    fn flat(&self) -> Vec<&Tree> {
        let inner = self.children.iter().flat_map(Tree::flat);
        std::iter::once(self).chain(inner).collect()
    }

    /// Acts on the node at a place, the root at 0.
    fn at(&mut self, place: usize, act: impl FnOnce(&mut Tree)) {
        let (mut act, mut count) = (Some(act), 0);
        self.each(&mut |node| {
            if count == place {
                act.take().into_iter().for_each(|act| act(node));
            }
            count += 1;
        });
    }

    fn edit(&mut self, edit: Edit, fresh: usize, merged: &mut Vec<(String, String)>) {
        let (what, place, other) = edit;
        let names: Vec<_> = self.flat().iter().map(|node| node.was.clone()).collect();
        let fresh = format!("F{fresh}");
        self.at(place % names.len(), |node| match what {
            0 | 1 if node.was != "N0" => {
                node.name = fresh;
                node.migrated = what == 0;
            }
            2 | 3 if node.children.len() > usize::from(node.shape == Shape::Parallel) + 1 => {
                let gone = node.children.remove(other % node.children.len());
                if what == 3 {
                    merged.push((gone.was, names[other % names.len()].clone()));
                }
            }
            4 if matches!(node.shape, Shape::Compound | Shape::Region) => {
                node.children.push(Tree::named(Shape::Leaf, &fresh, Vec::new()));
            }
            5 => node.children.reverse(),
            6 if node.shape == Shape::Leaf => node.shape = Shape::Final,
            7 => drop(node.timers.drain(..node.timers.len().min(1))),
            8 if node.shape == Shape::Leaf => node.timers.insert(other % (node.timers.len() + 1), 9),
            9 if matches!(node.shape, Shape::Leaf | Shape::Compound) && node.was != "N0" => {
                let around = Tree::named(Shape::Compound, &fresh, Vec::new());
                let inside = std::mem::replace(node, around);
                node.children.push(inside);
            }
            10 => node.arms.reverse(),
            11 => node.arms.push((u8::from(other % 2 == 0), 0, 1)),
            12 if node.shape == Shape::Parallel => {
                let leaf = Tree::named(Shape::Leaf, &format!("{fresh}a"), Vec::new());
                node.children.push(Tree::named(Shape::Region, &fresh, vec![leaf]));
            }
            _ => {}
        });
    }

    fn write(&self, out: &mut String) {
        let keyword = match self.shape {
            Shape::Leaf | Shape::Compound => "state",
            Shape::Final => "final",
            Shape::Parallel => "parallel",
            Shape::Region => "region",
        };
        write!(out, "{keyword} {} {{ ", self.name).expect("memory");
        if let Some(first) = self.children.first().filter(|_| self.shape != Shape::Parallel) {
            write!(out, "initial {}; ", first.name).expect("memory");
        }
        if self.shape != Shape::Final {
            for id in &self.timers {
                write!(out, "after {id}m if g{id} => stay emit K{id}; ").expect("memory");
            }
            for (trigger, guard, emits) in &self.arms {
                write!(out, "on T{trigger} if g{guard} => stay emit E{emits}; ").expect("memory");
            }
        }
        if self.history {
            write!(out, "history H{}; ", self.was).expect("memory");
        }
        self.children.iter().for_each(|child| child.write(out));
        out.push_str("} ");
    }

    fn text(&self, merged: &[(String, String)]) -> String {
        let mut out = "trigger T0; trigger T1; trigger T2; ".to_owned();
        for (from, to) in self.migrations(merged) {
            write!(out, "migrate {from} {to}; ").expect("memory");
        }
        write!(out, "initial {}; ", self.children[0].name).expect("memory");
        self.children.iter().for_each(|child| child.write(&mut out));
        out
    }

    /// Names of the old version and what they mean.
    fn migrations(&self, merged: &[(String, String)]) -> Vec<(String, String)> {
        let nodes = self.flat();
        let renamed =
            nodes.iter().filter(|node| node.migrated).map(|node| (node.was.clone(), node.name.clone()));
        let now = |was: &str| {
            nodes.iter().find(|node| node.was == was && was != "N0").map(|node| node.name.clone())
        };
        let merged = merged.iter().filter_map(|(from, to)| Some((from.clone(), now(to)?)));
        renamed.chain(merged).collect()
    }

    /// The text of every state that can be rested in.
    fn texts(&self) -> BTreeSet<String> {
        match self.shape {
            Shape::Leaf | Shape::Final => BTreeSet::from([self.name.clone()]),
            Shape::Compound | Shape::Region => self.children.iter().flat_map(Tree::texts).collect(),
            Shape::Parallel => self
                .children
                .iter()
                .map(Tree::texts)
                .reduce(|left, right| product(&left, &right))
                .unwrap_or_default(),
        }
    }

    /// Recorded names of timers, and which ones they are.
    fn timers(&self) -> Vec<(String, u8)> {
        let live = self.flat().into_iter().filter(|node| node.shape != Shape::Final);
        live.flat_map(|node| (0..).zip(&node.timers).map(|(at, id)| (format!("{}#{at}", node.name), *id)))
            .collect()
    }

    /// Names that histories can stand for, with the parent of each.
    fn remembered(&self) -> Vec<(&str, &str)> {
        let parents = self.flat().into_iter().filter(|node| node.history);
        parents
            .flat_map(|node| node.children.iter().map(|child| (child.name.as_str(), node.was.as_str())))
            .collect()
    }
}

fn product(left: &BTreeSet<String>, right: &BTreeSet<String>) -> BTreeSet<String> {
    left.iter().flat_map(|left| right.iter().map(move |right| format!("{left}+{right}"))).collect()
}

/// Two versions and the migrations of the newer one.
fn versions() -> impl Strategy<Value = (Tree, Tree, Vec<(String, String)>)> {
    let edits = proptest::collection::vec((0..13_u8, 0..20_usize, 0..20_usize), 0..4);
    (tree(), edits).prop_map(|(old, edits)| {
        let (mut new, mut merged) = (old.clone(), Vec::new());
        for (fresh, edit) in edits.into_iter().enumerate() {
            new.edit(edit, fresh, &mut merged);
        }
        (old, new, merged)
    })
}

/// A change as it looks from the other side.
fn mirrored(change: &Change) -> (Subject, What, Option<String>, Option<String>) {
    let what = match change.what {
        What::Added => What::Removed,
        What::Removed => What::Added,
        what => what,
    };
    (change.subject, what, change.new.clone(), change.old.clone())
}

fn seen(change: &Change) -> (Subject, What, Option<String>, Option<String>) {
    (change.subject, change.what, change.old.clone(), change.new.clone())
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.sort();
    items
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes_from_a_machine_to_itself((_, tree, merged) in versions()) {
        let machine = machine(&tree.text(&merged));
        prop_assert!(machine.diff(&machine).is_empty(), "{}", machine.diff(&machine));
    }

    #[test]
    fn backwards_what_was_added_is_removed((old, mut new, _) in versions()) {
        new.each(&mut |node| node.migrated = false);
        let (old, new) = (machine(&old.text(&[])), machine(&new.text(&[])));
        let (there, back) = (old.diff(&new), new.diff(&old));
        prop_assert_eq!(sorted(there.changes.iter().map(seen)), sorted(back.changes.iter().map(mirrored)));
    }

    /// Reads every text, every timer and every remembered name of the old version as a load does.
    #[test]
    fn what_is_not_breaking_can_be_read((old, new, merged) in versions()) {
        let diff = machine(&old.text(&[])).diff(&machine(&new.text(&merged)));
        prop_assume!(diff.worst() < Some(Severity::Breaking));
        let migrations = new.migrations(&merged);
        let now = |name: &str| -> String {
            migrations.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to).to_owned()
        };
        let (old_texts, new_texts) = (old.texts(), new.texts());
        for text in old_texts {
            let read = text.split('+').map(now).collect::<Vec<_>>().join("+");
            prop_assert!(new_texts.contains(&read), "{text} is read as {read}\n{diff}");
        }
        let new_timers = new.timers();
        for (name, id) in old.timers() {
            let (node, place) = name.split_once('#').expect("a timer's name");
            let read = format!("{}#{place}", now(node));
            let found = new_timers.iter().find(|(name, _)| *name == read);
            prop_assert!(found.is_none_or(|(_, other)| *other == id), "{name} is read as {read}\n{diff}");
        }
        for (name, parent) in old.remembered() {
            let is_asked = new.flat().iter().any(|node| node.history && node.was == parent);
            let is_found = new.flat().iter().any(|node| node.name == now(name));
            prop_assert!(is_found || !is_asked, "{name} is remembered\n{diff}");
        }
    }
}
