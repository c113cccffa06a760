//! Every run that a machine can make: its configurations with what is remembered and what is still to be done, and
//! the microsteps between them. Guards and patterns are taken as possible both ways, each the same wherever it is
//! asked in one microstep.
//!
//! Exact up to a bound on the number of places; beyond it the graph says that it is not complete.

mod graph;
mod leads;
mod outcomes;

pub use graph::{Edge, Graph, Label, Pending, Place};
pub use leads::Leads;
pub use outcomes::outcomes;

use crate::chart::{Arms, Configuration, Memory, Microstep, Nodes, Selection};
use crate::{ActionDef, ArmDef, ArmId, Definition, NodeId, On, TriggerId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

/// Places that are explored of a machine of few nodes. A flat machine has about as many as it has states.
const PLACES_MAX: usize = 4_096;

/// Internal events that wait at one place. More cannot come to rest within a step.
const PENDING_MAX: usize = 64;

/// Nodes that can become active if every region is looked at alone: at least those that do. For machines that are
/// too large to be explored.
pub fn touchable(definition: &Definition<'_>) -> BTreeSet<NodeId> {
    let memory = Memory::default();
    let mut found: BTreeSet<NodeId> = definition.beginning(&memory).into_iter().collect();
    loop {
        let before = found.len();
        for arm in definition.arms {
            if arm.source.is_none_or(|id| found.contains(&id)) && !arm.targets().is_empty() {
                found.extend(definition.entry_set(None, arm.targets(), &memory));
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn explore(definition: &Definition<'_>) -> Graph {
    let mut explorer = Explorer::new(definition);
    explorer.run();
    explorer.graph
}

struct Explorer<'d, 'a> {
    definition: &'d Definition<'a>,
    graph: Graph,
    index: HashMap<Place, usize>,
    places_max: usize,
    has_always: bool,
    /// Whether triggers and timers are asked at places at rest.
    asks: bool,
}

impl<'d, 'a> Explorer<'d, 'a> {
    fn new(definition: &'d Definition<'a>) -> Self {
        let graph = Graph {
            places: Vec::new(),
            edges: Vec::new(),
            rests: Vec::new(),
            complete: true,
            endless: Vec::new(),
            first_edge: Vec::new(),
        };
        Self {
            definition,
            graph,
            index: HashMap::new(),
            places_max: PLACES_MAX.max(definition.nodes.len() * 2),
            has_always: definition.arms.iter().any(|arm| arm.on == On::Always),
            asks: true,
        }
    }

    fn run(&mut self) {
        let start = self.beginning();
        self.place(start);
        let mut at = 0;
        while at < self.graph.places.len() {
            self.graph.first_edge.push(self.graph.edges.len());
            let place = self.graph.places[at].clone();
            let rests = self.expand(at, &place);
            self.graph.rests[at] = rests;
            at += 1;
        }
        self.find_endless();
        self.prune();
    }

    /// Follows the microsteps that cannot turn out otherwise until one comes round.
    fn find_endless(&mut self) {
        let mut seen = vec![0; self.graph.places.len()];
        for start in 0..seen.len() {
            let (mut at, mut path) = (start, Vec::new());
            while seen[at] == 0 {
                seen[at] = start + 1;
                let forced = self.graph.ways(at).iter().find(|edge| edge.forced && !edge.label.is_external());
                let Some(edge) = forced else { break };
                path.push(edge.clone());
                at = edge.to;
            }
            let round = path.iter().position(|edge| edge.from == at && seen[at] == start + 1);
            if let Some(first) = round.filter(|_| path.last().is_some_and(|edge| edge.to == at)) {
                self.report_endless(&path[first..]);
            }
        }
    }

    fn report_endless(&mut self, round: &[Edge]) {
        let Some(arm) = round.iter().flat_map(|edge| &edge.arms).min().copied() else { return };
        if self.graph.endless.iter().any(|(known, _)| *known == arm) {
            return;
        }
        let name = |place: usize| self.graph.places[place].configuration.text(self.definition);
        let mut text = round.first().map(|edge| name(edge.from)).unwrap_or_default();
        for edge in round {
            let _ = write!(text, " -{}-> {}", edge.label.text(self.definition), name(edge.to));
        }
        self.graph.endless.push((arm, text));
    }

    /// Where an instance begins, with what its beginning raises.
    fn beginning(&self) -> Place {
        let entries = self.definition.beginning(&Memory::default());
        let configuration = Configuration::of(self.definition, entries.iter().copied());
        let exits = Nodes::new();
        let step = Microstep { exits, entries, to: configuration, memory: Memory::default() };
        self.after(&step, &[], &[])
    }

    /// The place that a microstep leads to: what it raises and what it brings to an end waits behind `pending`.
    fn after(&self, step: &Microstep, arms: &[ArmId], pending: &[Pending]) -> Place {
        let mut pending = pending.to_vec();
        let raised = |actions: &[ActionDef<'_>], pending: &mut Vec<Pending>| {
            let raised = actions.iter().filter_map(|action| match action {
                ActionDef::Raise(trigger, _) => Some(Pending::Raised(*trigger)),
                _ => None,
            });
            pending.extend(raised);
        };
        let definition = self.definition;
        for node in step.exits.iter().filter_map(|id| definition.node(*id)) {
            raised(node.exit, &mut pending);
        }
        for arm in arms.iter().filter_map(|id| definition.arm(*id)) {
            raised(arm.actions, &mut pending);
        }
        for (place, id) in step.entries.iter().enumerate() {
            raised(definition.node(*id).map_or(&[], |n| n.entry), &mut pending);
            let later = &step.entries[place + 1..];
            let active: Vec<_> =
                step.to.nodes().iter().copied().filter(|node| !later.contains(node)).collect();
            let (around, parallel) = definition.done_by(*id, &active);
            let heard = |node: &NodeId| definition.answers_done(*node);
            pending.extend(around.into_iter().chain(parallel).filter(heard).map(Pending::Done));
        }
        if step.to.is_end(definition) {
            pending.clear();
        }
        Place { configuration: step.to.clone(), memory: step.memory.clone(), pending }
    }

    fn place(&mut self, place: Place) -> Option<usize> {
        if let Some(at) = self.index.get(&place) {
            return Some(*at);
        }
        // More than can be done in a step: it fails as a whole, and leads nowhere.
        if place.pending.len() > PENDING_MAX {
            return None;
        }
        if self.graph.places.len() >= self.places_max {
            self.graph.complete = false;
            return None;
        }
        let at = self.graph.places.len();
        self.graph.places.push(place.clone());
        self.graph.rests.push(false);
        self.index.insert(place, at);
        Some(at)
    }

    /// Finds the ways on. Whether an instance can rest there.
    fn expand(&mut self, at: usize, place: &Place) -> bool {
        if place.configuration.is_end(self.definition) {
            return true;
        }
        let always = if self.has_always {
            self.outcomes(&place.configuration, &|arm| arm.on == On::Always)
        } else {
            vec![Arms::new()]
        };
        let forced = always.len() == 1;
        let mut settled = false;
        for selected in always {
            if selected.is_empty() {
                settled = true;
            } else {
                self.take((at, place), (Label::Always, &place.pending), &selected, forced);
            }
        }
        match place.pending.split_first() {
            _ if !settled => false,
            Some((first, rest)) => {
                self.hand_on((at, place), *first, rest, forced);
                false
            }
            None => {
                if self.asks {
                    self.ask(at, place);
                }
                true
            }
        }
    }

    fn outcomes(&mut self, configuration: &Configuration, asks: &dyn Fn(&ArmDef<'_>) -> bool) -> Vec<Arms> {
        outcomes(self.definition, configuration, asks).unwrap_or_else(|| {
            self.graph.complete = false;
            Vec::new()
        })
    }

    /// Adds the edge that these selected arms make. Whether the trigger was accepted.
    fn take(&mut self, from: (usize, &Place), what: (Label, &[Pending]), selected: &[ArmId], forced: bool) {
        let ((at, place), (label, pending)) = (from, what);
        let to = match self.definition.settle(&place.configuration, &place.memory, selected) {
            Selection::Refused(_) => return,
            Selection::Nothing | Selection::Ignored(_) if label.is_external() => return,
            Selection::Nothing | Selection::Ignored(_) => {
                (Place { pending: pending.to_vec(), ..place.clone() }, Arms::new())
            }
            Selection::Taken(arms) => {
                let step = self.definition.microstep(&place.configuration, &place.memory, &arms);
                (self.after(&step, &arms, pending), arms)
            }
        };
        let (to, arms) = to;
        if forced && to.pending.len() > PENDING_MAX {
            let text = format!("{} raises without end", place.configuration.text(self.definition));
            self.graph.endless.extend(arms.first().map(|arm| (*arm, text)));
        }
        if let Some(to) = self.place(to) {
            self.graph.edges.push(Edge { from: at, to, label, arms, forced });
        }
    }

    /// Hands an internal event to the arms that answer it.
    fn hand_on(&mut self, from: (usize, &Place), first: Pending, rest: &[Pending], forced: bool) {
        let place = from.1;
        let outcomes = match first {
            Pending::Raised(trigger) => {
                self.outcomes(&place.configuration, &|arm| arm.triggers().contains(&trigger))
            }
            Pending::Done(node) if place.configuration.contains(node) => {
                let answers = |arm: &ArmDef<'_>| arm.on == On::Done && arm.source == Some(node);
                self.outcomes(&place.configuration, &answers)
            }
            Pending::Done(_) => vec![Arms::new()],
        };
        let forced = forced && outcomes.len() == 1;
        for selected in outcomes {
            self.take(from, (Label::Pending(first), rest), &selected, forced);
        }
    }

    /// Asks every trigger from outside and every timer.
    fn ask(&mut self, at: usize, place: &Place) {
        let definition = self.definition;
        let mut asked: BTreeMap<TriggerId, Vec<ArmId>> = BTreeMap::new();
        let mut timers = BTreeSet::new();
        for leaf in place.configuration.leaves(definition) {
            for (id, arm) in definition.arms_of(leaf) {
                for trigger in arm.triggers() {
                    asked.entry(*trigger).or_default().push(id);
                }
                timers.extend(arm.is_timer().then_some(id));
            }
        }
        let mut seen = BTreeSet::new();
        for (trigger, arms) in asked {
            let internal = definition.trigger(trigger).is_some_and(|t| t.internal);
            // Triggers that the same arms answer lead the same ways: one stands for all.
            if internal || !seen.insert(arms) {
                continue;
            }
            for selected in self.outcomes(&place.configuration, &|arm| arm.triggers().contains(&trigger)) {
                self.take((at, place), (Label::Trigger(trigger), &[]), &selected, false);
            }
        }
        for timer in timers {
            self.take((at, place), (Label::Timer(timer), &[]), &[timer], false);
        }
    }

    /// Leaves out places within a step that never comes to rest, and what only they lead to: such a step is refused
    /// or fails as a whole.
    fn prune(&mut self) {
        let graph = &self.graph;
        if graph.rests.iter().all(|rests| *rests) {
            return;
        }
        let inner = Graph {
            edges: graph.edges.iter().filter(|edge| !edge.label.is_external()).cloned().collect(),
            first_edge: Vec::new(),
            ..graph.clone()
        };
        let lives = inner.leading_to(|place| graph.rests[place]);
        let mut kept = vec![None; graph.places.len()];
        let mut order = vec![0];
        kept[0] = Some(0);
        let mut next = 0;
        while let Some(place) = order.get(next).copied() {
            next += 1;
            for edge in graph.ways(place).iter().filter(|edge| lives[edge.to]) {
                if kept[edge.to].is_none() {
                    kept[edge.to] = Some(order.len());
                    order.push(edge.to);
                }
            }
        }
        let mut pruned = Graph {
            places: order.iter().map(|place| graph.places[*place].clone()).collect(),
            rests: order.iter().map(|place| graph.rests[*place]).collect(),
            edges: Vec::new(),
            complete: graph.complete,
            endless: graph.endless.clone(),
            first_edge: Vec::new(),
        };
        for place in &order {
            pruned.first_edge.push(pruned.edges.len());
            for edge in graph.ways(*place) {
                if let (Some(from), Some(to)) = (kept[edge.from], kept[edge.to]) {
                    pruned.edges.push(Edge { from, to, ..edge.clone() });
                }
            }
        }
        self.graph = pruned;
    }
}
