//! Paths through a machine, as scripts: what to fire, and where it leads if the guards let it.
//!
//! A path knows no payloads and no clock: who walks it makes the triggers and lets time pass.

use crate::definition::chart::Arms;
use crate::definition::explore::{Edge, Graph, Label};
use crate::definition::{ArmId, TriggerId};
use crate::machine::Machine;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;

/// Simple paths that are listed at most.
const PATHS_MAX: usize = 10_000;

/// One line of a script: a trigger or a timer, with all that follows in its step.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// The trigger to fire; `None`: a timer has to be due.
    pub trigger: Option<TriggerId>,
    /// The trigger's name, or `after 30m`.
    pub text: String,
    /// The arms it takes on this path.
    pub arms: Arms,
    /// The state it leads to, as text.
    pub to: String,
}

/// A run from the beginning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Path {
    /// The state in which it begins, as text.
    pub from: String,
    /// What happens, in order.
    pub lines: Vec<Line>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.from)?;
        self.lines.iter().try_for_each(|line| write!(f, " -{}-> {}", line.text, line.to))
    }
}

/// The paths of a machine, guards taken as possible.
pub struct Paths<M> {
    texts: Vec<String>,
    starts: Vec<usize>,
    /// By resting place: the steps that lead on from it.
    steps: BTreeMap<usize, Vec<(Line, usize)>>,
    complete: bool,
    machine: PhantomData<fn() -> M>,
}

impl<M: Machine> Paths<M> {
    /// Looks at every run of the machine.
    pub fn new() -> Self {
        let graph = Graph::of(M::DEFINITION);
        let texts = graph.places.iter().map(|place| place.configuration.text(M::DEFINITION)).collect();
        let mut paths = Self {
            texts,
            starts: Vec::new(),
            steps: BTreeMap::new(),
            complete: graph.complete,
            machine: PhantomData,
        };
        paths.starts = settle(&graph, 0, &Arms::new()).into_iter().map(|(place, _)| place).collect();
        for place in (0..graph.places.len()).filter(|place| graph.rests[*place]) {
            let steps = graph.ways(place).iter().flat_map(|edge| paths.steps_of(&graph, edge)).collect();
            paths.steps.insert(place, steps);
        }
        paths
    }

    fn steps_of(&self, graph: &Graph, edge: &Edge) -> Vec<(Line, usize)> {
        let trigger = match edge.label {
            Label::Trigger(trigger) => Some(trigger),
            _ => None,
        };
        let text = edge.label.text(M::DEFINITION);
        let ends = settle(graph, edge.to, &edge.arms).into_iter();
        ends.map(|(to, arms)| (Line { trigger, text: text.clone(), arms, to: self.texts[to].clone() }, to))
            .collect()
    }

    /// Whether these are all: of a machine with too many configurations only a part is looked at.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// A shortest path to every state that an instance can rest in, in the order in which they are found.
    pub fn shortest(&self) -> Vec<Path> {
        let came = self.search();
        let mut seen = BTreeSet::new();
        let found = came.iter().filter(|(place, _)| seen.insert(&self.texts[*place]));
        found.map(|(place, _)| self.path_to(&came, *place)).collect()
    }

    /// A shortest path to this state, if a run gets there.
    pub fn shortest_to(&self, state: M::State) -> Option<Path> {
        let text = crate::machine::MachineState::text(state);
        self.shortest().into_iter().find(|path| path.end() == text)
    }

    /// Every path that passes no state twice and cannot be made longer so; at most 10,000.
    pub fn simple(&self) -> Vec<Path> {
        let mut found = Vec::new();
        for start in &self.starts {
            let path = Path { from: self.texts[*start].clone(), lines: Vec::new() };
            self.extend(*start, &mut vec![*start], &path, &mut found);
        }
        found
    }

    fn extend(&self, place: usize, passed: &mut Vec<usize>, path: &Path, found: &mut Vec<Path>) {
        let mut ended = true;
        for (line, to) in self.steps.get(&place).into_iter().flatten() {
            if passed.contains(to) || found.len() >= PATHS_MAX {
                continue;
            }
            ended = false;
            let mut longer = path.clone();
            longer.lines.push(line.clone());
            passed.push(*to);
            self.extend(*to, passed, &longer, found);
            passed.pop();
        }
        if ended && found.len() < PATHS_MAX {
            found.push(path.clone());
        }
    }

    /// Paths that together take every arm that a run can take: each goes on to arms not taken yet as long as there are
    /// any, and the next begins anew.
    pub fn transition_cover(&self) -> Vec<Path> {
        let all = self.steps.values().flatten().flat_map(|(line, _)| &line.arms);
        let mut open: BTreeSet<ArmId> = all.copied().collect();
        let mut found = Vec::new();
        while !open.is_empty() {
            let Some(start) = self.starts.first() else { break };
            let mut path = Path { from: self.texts[*start].clone(), lines: Vec::new() };
            let mut place = *start;
            while let Some((lines, end)) = self.nearest(place, &open) {
                for arm in lines.iter().flat_map(|line| &line.arms) {
                    open.remove(arm);
                }
                path.lines.extend(lines);
                place = end;
            }
            if path.lines.is_empty() {
                break;
            }
            found.push(path);
        }
        found
    }

    /// The shortest way from a place to a step that takes one of these arms.
    fn nearest(&self, start: usize, open: &BTreeSet<ArmId>) -> Option<(Vec<Line>, usize)> {
        let mut queue = VecDeque::from([(start, Vec::new())]);
        let mut seen = BTreeSet::from([start]);
        while let Some((place, lines)) = queue.pop_front() {
            for (line, to) in self.steps.get(&place).into_iter().flatten() {
                let mut longer: Vec<Line> = lines.clone();
                longer.push(line.clone());
                if line.arms.iter().any(|arm| open.contains(arm)) {
                    return Some((longer, *to));
                }
                if seen.insert(*to) {
                    queue.push_back((*to, longer));
                }
            }
        }
        None
    }

    /// Every resting place that a run reaches, breadth first, with the step that it came by.
    fn search(&self) -> Vec<(usize, Option<(usize, Line)>)> {
        let mut came: Vec<(usize, Option<(usize, Line)>)> =
            self.starts.iter().map(|start| (*start, None)).collect();
        let mut seen: BTreeSet<usize> = self.starts.iter().copied().collect();
        let mut next = 0;
        while let Some(place) = came.get(next).map(|(place, _)| *place) {
            for (line, to) in self.steps.get(&place).into_iter().flatten() {
                if seen.insert(*to) {
                    came.push((*to, Some((place, line.clone()))));
                }
            }
            next += 1;
        }
        came
    }

    fn path_to(&self, came: &[(usize, Option<(usize, Line)>)], goal: usize) -> Path {
        let (mut place, mut lines) = (goal, Vec::new());
        while let Some((_, Some((before, line)))) = came.iter().find(|(at, _)| *at == place) {
            lines.push(line.clone());
            place = *before;
        }
        lines.reverse();
        Path { from: self.texts[place].clone(), lines }
    }
}

impl Path {
    /// The state it ends in, as text.
    pub fn end(&self) -> &str {
        self.lines.last().map_or(&self.from, |line| &line.to)
    }

    /// The triggers to fire, made by name. `None`: a timer stands in the path.
    pub fn triggers<M: Machine>(&self, make: impl Fn(&str) -> M::Trigger) -> Option<Vec<M::Trigger>> {
        self.lines.iter().map(|line| line.trigger.map(|_| make(&line.text))).collect()
    }
}

impl<M: Machine> Default for Paths<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// The places in which a step comes to rest, with the arms that it takes on the way.
fn settle(graph: &Graph, place: usize, arms: &Arms) -> Vec<(usize, Arms)> {
    let mut found = Vec::new();
    let mut queue = VecDeque::from([(place, arms.clone())]);
    let mut seen = BTreeSet::from([place]);
    while let Some((place, arms)) = queue.pop_front() {
        if graph.rests[place] {
            found.push((place, arms.clone()));
        }
        for edge in graph.ways(place).iter().filter(|edge| !edge.label.is_external()) {
            if seen.insert(edge.to) {
                let mut longer = arms.clone();
                longer.extend_from_slice(&edge.arms);
                queue.push_back((edge.to, longer));
            }
        }
    }
    found
}
