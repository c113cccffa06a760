//! Places and the microsteps between them, and what can be asked about runs.
//!
//! It asks; how they are found is `explore`'s.

use crate::chart::{Arms, Configuration, Memory};
use crate::{ArmId, Definition, NodeId, TriggerId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

/// What waits inside a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Pending {
    /// A raised trigger.
    Raised(TriggerId),
    /// The end of a compound, region or parallel state.
    Done(NodeId),
}

/// Where a run can be, at rest or within a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The active nodes.
    pub configuration: Configuration,
    /// What histories stand for.
    pub memory: Memory,
    /// What waits, oldest first.
    pub pending: Vec<Pending>,
}

/// What makes a run go on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Label {
    /// A trigger from outside.
    Trigger(TriggerId),
    /// A timer.
    Timer(ArmId),
    /// An `always` arm.
    Always,
    /// What waited longest.
    Pending(Pending),
}

/// One microstep, or an internal event that nothing answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Index of a place.
    pub from: usize,
    /// Index of a place.
    pub to: usize,
    /// What makes the run go on.
    pub label: Label,
    /// The arms that are taken; none: the event is dropped.
    pub arms: Arms,
    /// Nothing else can happen at `from`.
    pub forced: bool,
}

/// Every place and every microstep. The first place is where an instance begins.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Where runs can be.
    pub places: Vec<Place>,
    /// How they go on, by `from`.
    pub edges: Vec<Edge>,
    /// By place: whether an instance can rest there.
    pub rests: Vec<bool>,
    /// Whether these are all.
    pub complete: bool,
    /// Runs within a step that go round for ever with no way out: the first arm of each, and its text.
    pub endless: Vec<(ArmId, String)>,
    pub(super) first_edge: Vec<usize>,
}

impl Graph {
    /// Explores a machine.
    pub fn of(definition: &Definition<'_>) -> Self {
        super::explore(definition)
    }

    /// The edges that lead on from a place.
    pub fn ways(&self, place: usize) -> &[Edge] {
        let at = |place: usize| self.first_edge.get(place).copied().unwrap_or(self.edges.len());
        &self.edges[at(place)..at(place + 1)]
    }

    /// The shortest run from one of some places to one that is a goal, over places that are not to be avoided. Edges
    /// by index; empty when a start is a goal itself.
    pub fn shortest(
        &self,
        starts: impl IntoIterator<Item = usize>,
        goal: impl Fn(usize) -> bool,
        avoid: impl Fn(usize) -> bool,
    ) -> Option<(usize, Vec<usize>)> {
        let mut came: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        let mut queue = VecDeque::new();
        for start in starts.into_iter().filter(|start| !avoid(*start)) {
            came.entry(start).or_insert(None);
            queue.push_back(start);
        }
        while let Some(place) = queue.pop_front() {
            if goal(place) {
                return Some(self.walked(&came, place));
            }
            let base = self.first_edge.get(place).copied().unwrap_or(self.edges.len());
            for (index, edge) in (base..).zip(self.ways(place)) {
                if !avoid(edge.to) && !came.contains_key(&edge.to) {
                    came.insert(edge.to, Some(index));
                    queue.push_back(edge.to);
                }
            }
        }
        None
    }

    fn walked(&self, came: &BTreeMap<usize, Option<usize>>, goal: usize) -> (usize, Vec<usize>) {
        let (mut place, mut path) = (goal, Vec::new());
        while let Some(Some(edge)) = came.get(&place) {
            path.push(*edge);
            place = self.edges[*edge].from;
        }
        path.reverse();
        (place, path)
    }

    /// Places from which a goal can be reached, the goals included.
    pub fn leading_to(&self, goal: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.places.len()];
        for edge in &self.edges {
            before[edge.to].push(edge.from);
        }
        let mut leads: Vec<bool> = (0..self.places.len()).map(goal).collect();
        let mut queue: Vec<usize> = (0..leads.len()).filter(|place| leads[*place]).collect();
        while let Some(place) = queue.pop() {
            for from in before[place].iter().copied() {
                if !leads[from] {
                    leads[from] = true;
                    queue.push(from);
                }
            }
        }
        leads
    }

    /// A run as text: `Draft -Submit-> Submitted -Cancel-> Cancelled`.
    pub fn text(&self, definition: &Definition<'_>, run: &(usize, Vec<usize>)) -> String {
        let place = |at: usize| self.places[at].configuration.text(definition);
        let mut text = place(run.0);
        for edge in run.1.iter().map(|index| &self.edges[*index]) {
            let _ = write!(text, " -{}-> {}", edge.label.text(definition), place(edge.to));
        }
        text
    }

    /// Nodes that are active at some place.
    pub fn reached(&self) -> BTreeSet<NodeId> {
        self.places.iter().flat_map(|place| place.configuration.nodes()).copied().collect()
    }
}

impl Label {
    /// The trigger's name, `after 30m`, `always`, `done Picking`.
    pub fn text(self, definition: &Definition<'_>) -> String {
        match self {
            Self::Trigger(id) | Self::Pending(Pending::Raised(id)) => {
                definition.trigger(id).map_or("", |t| t.name).to_owned()
            }
            Self::Timer(id) => definition.arm(id).map(|arm| arm.on.to_string()).unwrap_or_default(),
            Self::Always => "always".to_owned(),
            Self::Pending(Pending::Done(node)) => format!("done {}", definition.name(node)),
        }
    }

    /// Whether the world outside makes it happen: a trigger, or time.
    pub fn is_external(self) -> bool {
        matches!(self, Self::Trigger(_) | Self::Timer(_))
    }
}
