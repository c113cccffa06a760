//! Every run that a machine can make: its configurations with what is remembered and what is still to be done, and
//! the microsteps between them. Guards and patterns are taken as possible both ways, each the same wherever it is
//! asked in one microstep.
//!
//! Exact up to a bound on the number of places; beyond it the graph says that it is not complete.

use crate::chart::{Arms, Configuration, Memory, Microstep, Nodes, Selection};
use crate::{ActionDef, ArmDef, ArmId, Definition, NodeId, On, TriggerId};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Write;

/// Places that are explored of a machine of few nodes. A flat machine has about as many as it has states.
const PLACES_MAX: usize = 4_096;

/// Ways in which the arms of one trigger can turn out, at one place.
const OUTCOMES_MAX: usize = 256;

/// Internal events that wait at one place. More cannot come to rest within a step.
const PENDING_MAX: usize = 64;

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
    first_edge: Vec<usize>,
}

impl Graph {
    /// Explores a machine.
    pub fn of(definition: &Definition<'_>) -> Self {
        let mut explorer = Explorer::new(definition);
        explorer.run();
        explorer.graph
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

/// Every way in which the arms that `asks` lets through can turn out at a configuration: the arms selected, one for
/// each leaf. `None`: too many to look at.
pub fn outcomes(
    definition: &Definition<'_>,
    configuration: &Configuration,
    asks: &dyn Fn(&ArmDef<'_>) -> bool,
) -> Option<Vec<Arms>> {
    let lists = configuration.leaves(definition).map(|leaf| {
        let asked = definition.arms_of(leaf).filter(|(_, arm)| asks(arm));
        asked.map(|(id, arm)| (id, arm.whole)).collect::<Vec<_>>()
    });
    let mut choosing = Choosing { lists: lists.collect(), known: BTreeMap::new(), found: Vec::new() };
    choosing.choose(0, &Arms::new());
    (choosing.found.len() <= OUTCOMES_MAX).then_some(choosing.found)
}

struct Choosing {
    lists: Vec<Vec<(ArmId, bool)>>,
    known: BTreeMap<ArmId, bool>,
    found: Vec<Arms>,
}

impl Choosing {
    fn choose(&mut self, leaf: usize, selected: &Arms) {
        if self.found.len() > OUTCOMES_MAX {
            return;
        }
        let Some(list) = self.lists.get(leaf).cloned() else {
            if !self.found.contains(selected) {
                self.found.push(selected.clone());
            }
            return;
        };
        let mut assumed = Vec::new();
        let mut open = true;
        for (arm, whole) in list {
            let known = self.known.get(&arm).copied();
            if known == Some(false) {
                continue;
            }
            let mut with = selected.clone();
            if !with.contains(&arm) {
                with.push(arm);
            }
            if whole || known == Some(true) {
                self.choose(leaf + 1, &with);
                open = false;
                break;
            }
            self.known.insert(arm, true);
            self.choose(leaf + 1, &with);
            self.known.insert(arm, false);
            assumed.push(arm);
        }
        if open {
            self.choose(leaf + 1, selected);
        }
        for arm in assumed {
            self.known.remove(&arm);
        }
    }
}

struct Explorer<'d, 'a> {
    definition: &'d Definition<'a>,
    graph: Graph,
    index: HashMap<Place, usize>,
    places_max: usize,
    has_always: bool,
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
        }
    }

    fn run(&mut self) {
        let entries = self.definition.beginning(&Memory::default());
        let configuration = Configuration::of(self.definition, entries.iter().copied());
        let exits = Nodes::new();
        let step = Microstep { exits, entries, to: configuration, memory: Memory::default() };
        let start = self.after(&step, &[], &[]);
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
                self.ask(at, place);
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
