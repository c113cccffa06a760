//! W3C SCXML, Appendix D, as it is written there: its procedures under their names, its data structures. Where the
//! language differs, the difference is named.
//!
//! Slow and plain on purpose; it reads the definition and shares no code with the runtime.

use crate::world::{Did, World};
use jiff::{SignedDuration, Timestamp};
use statewright::definition::{
    ActionDef, ArmDef, ArmId, Definition, NodeId, NodeKind, On, TargetDef, TriggerId,
};
use statewright::event::Apply;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// A trigger with the payload that some of them carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stimulus {
    /// Which trigger.
    pub trigger: TriggerId,
    /// `n` of the triggers that carry it.
    pub n: u8,
}

/// What becomes of a stimulus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A step.
    Took,
    /// Accepted, nothing happened.
    Ignored,
    /// A `reject` arm answered.
    Refused,
    /// No arm answered.
    NotHandled,
    /// The instance had finished.
    Finished,
    /// More than 64 microsteps.
    Livelock,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Trigger(Stimulus),
    Done(NodeId),
    Timer(ArmId),
}

/// A running session.
#[derive(Clone)]
pub struct Interpreter {
    definition: &'static Definition,
    document: Rc<Document>,
    configuration: BTreeSet<NodeId>,
    history_value: BTreeMap<NodeId, Vec<NodeId>>,
    internal_queue: VecDeque<Event>,
    running: bool,
    begun: bool,
    timers: BTreeMap<ArmId, Timestamp>,
    now: Timestamp,
    microsteps: u32,
    /// Data: what was done.
    pub world: World,
}

type State = Option<NodeId>;

/// The tree of the document, looked up once: by state, its proper ancestors, children and transitions; the root last.
struct Document {
    ancestors: Vec<Vec<State>>,
    children: Vec<Vec<NodeId>>,
    transitions: Vec<Vec<ArmId>>,
}

impl Document {
    fn of(definition: &Definition) -> Self {
        let nodes = || (0..).map(NodeId).zip(definition.nodes);
        let states: Vec<State> = nodes().map(|(id, _)| Some(id)).chain([None]).collect();
        let ancestors = |state: &State| {
            let mut at = *state;
            let up = std::iter::from_fn(|| {
                at = definition.nodes[at?.index()].parent;
                Some(at)
            });
            up.collect()
        };
        let children =
            |state: &State| nodes().filter(|(_, n)| n.parent == *state).map(|(id, _)| id).collect();
        let transitions = |state: &State| {
            (0..)
                .map(ArmId)
                .zip(definition.arms)
                .filter(|(_, arm)| arm.source == *state)
                .map(|(id, _)| id)
                .collect()
        };
        Self {
            ancestors: states.iter().map(ancestors).collect(),
            children: states.iter().map(children).collect(),
            transitions: states.iter().map(transitions).collect(),
        }
    }
}

impl Interpreter {
    /// A session that has not begun.
    pub fn new(definition: &'static Definition, now: Timestamp) -> Self {
        Self {
            definition,
            document: Rc::new(Document::of(definition)),
            configuration: BTreeSet::new(),
            history_value: BTreeMap::new(),
            internal_queue: VecDeque::new(),
            running: true,
            begun: false,
            timers: BTreeMap::new(),
            now,
            microsteps: 0,
            world: World::default(),
        }
    }

    /// The names of the active atomic and final states, in document order.
    pub fn text(&self) -> String {
        Self::text_of(self.definition, &self.configuration)
    }

    /// Whether the configuration is one that SCXML allows: of each active compound or region one child is active, of each
    /// parallel state every region, and around each active state all.
    pub fn is_legal(&self) -> bool {
        let active = |s: &NodeId| self.configuration.contains(s);
        self.configuration.iter().all(|s| {
            let children: Vec<_> =
                self.children(Some(*s)).into_iter().filter(|c| !self.is_history(*c)).collect();
            let inside = children.iter().filter(|c| active(c)).count();
            let expected = match self.kind(*s) {
                NodeKind::Compound | NodeKind::Region => 1,
                _ => children.len(),
            };
            inside == expected && self.parent(*s).is_none_or(|around| active(&around))
        })
    }

    /// What histories stand for.
    pub fn histories(&self) -> Vec<(NodeId, Vec<NodeId>)> {
        self.history_value.iter().map(|(history, states)| (*history, states.clone())).collect()
    }

    /// Deadlines, by arm.
    pub fn timers(&self) -> Vec<(ArmId, Timestamp)> {
        self.timers.iter().map(|(arm, due)| (*arm, *due)).collect()
    }

    /// Whether a step was accepted.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// It is later now.
    pub fn pass(&mut self, time: SignedDuration) {
        self.now = self.now.checked_add(time).expect("tests stay in range");
    }

    /// Handles an external trigger. What is not accepted changes nothing.
    pub fn fire(&mut self, stimulus: Stimulus) -> Outcome {
        let before = self.clone();
        let outcome = self.try_fire(stimulus);
        if outcome != Outcome::Took {
            *self = before;
        }
        outcome
    }

    fn try_fire(&mut self, stimulus: Stimulus) -> Outcome {
        self.microsteps = 0;
        if self.begun && !self.running {
            return Outcome::Finished;
        }
        if self.definition.triggers[stimulus.trigger.index()].internal {
            return Outcome::NotHandled;
        }
        if !self.begun
            && let Err(outcome) = self.interpret()
        {
            return outcome;
        }
        if !self.running {
            return Outcome::Finished;
        }
        let event = Event::Trigger(stimulus);
        match self.select_transitions(Some(event)) {
            Err(outcome) => outcome,
            Ok(enabled) => {
                match self.microstep(&enabled, Some(event)).and_then(|()| self.main_event_loop()) {
                    Ok(()) => Outcome::Took,
                    Err(outcome) => outcome,
                }
            }
        }
    }

    /// Runs the timer that is due first, if one is due. `None`: none is.
    pub fn run_due(&mut self) -> Option<Outcome> {
        let (due, arm) =
            self.timers.iter().map(|(arm, due)| (*due, *arm)).min().filter(|(due, _)| *due <= self.now)?;
        let before = self.clone();
        self.microsteps = 0;
        self.timers.remove(&arm);
        if let On::Every(text) = self.arm(arm).on {
            let mut next = due;
            while next <= self.now {
                next = next.checked_add(duration(text)).expect("tests stay in range");
            }
            self.timers.insert(arm, next);
        }
        let event = Event::Timer(arm);
        let outcome = match self.select_transitions(Some(event)) {
            Err(_) => Outcome::Took,
            Ok(enabled) => {
                match self.microstep(&enabled, Some(event)).and_then(|()| self.main_event_loop()) {
                    Ok(()) => Outcome::Took,
                    Err(outcome) => outcome,
                }
            }
        };
        if outcome != Outcome::Took {
            *self = before;
        }
        Some(outcome)
    }

    /// `procedure interpret(doc)`
    fn interpret(&mut self) -> Result<(), Outcome> {
        self.begun = true;
        self.set_timers(None);
        let mut states_to_enter = BTreeSet::new();
        let initial = [self.definition.initial];
        for s in initial {
            self.add_descendant_states_to_enter(s, &mut states_to_enter);
        }
        for s in self.effective(&initial) {
            self.add_ancestor_states_to_enter(s, None, &mut states_to_enter);
        }
        self.enter(&states_to_enter);
        self.main_event_loop()
    }

    /// `procedure mainEventLoop()`, its inner loop: until the macrostep is done.
    fn main_event_loop(&mut self) -> Result<(), Outcome> {
        while self.running {
            let mut event = None;
            let enabled = if let Ok(enabled) = self.select_transitions(None) {
                enabled
            } else {
                let Some(internal) = self.internal_queue.pop_front() else { break };
                event = Some(internal);
                match self.select_transitions(event) {
                    Ok(enabled) => enabled,
                    // A raised trigger that is refused fails the whole step.
                    Err(Outcome::Refused) => return Err(Outcome::Refused),
                    Err(_) => continue,
                }
            };
            self.microstep(&enabled, event)?;
        }
        if !self.running {
            self.internal_queue.clear();
            self.timers.clear();
        }
        Ok(())
    }

    /// `function selectTransitions(event)` and `function selectEventlessTransitions()`. The error: nothing moves.
    fn select_transitions(&self, event: Option<Event>) -> Result<Vec<ArmId>, Outcome> {
        let mut enabled: Vec<ArmId> = Vec::new();
        for state in self.configuration.iter().copied().filter(|s| self.is_atomic(*s)) {
            let chain =
                std::iter::once(Some(state)).chain(self.proper_ancestors(Some(state), None)).chain([None]);
            let mut chain: Vec<State> = chain.collect();
            chain.dedup();
            let found = chain.into_iter().flat_map(|s| self.transitions(s)).find(|t| self.applies(*t, event));
            if let Some(t) = found
                && !enabled.contains(&t)
            {
                enabled.push(t);
            }
        }
        // A difference: a `reject` refuses, unless another selected transition stands inside its own state.
        let overruled =
            |t: ArmId| enabled.iter().any(|o| self.is_descendant(self.source(*o), self.source(t)));
        let rejects = |t: &ArmId| matches!(self.arm(*t).target, TargetDef::Reject(_));
        if enabled.iter().any(|t| rejects(t) && !overruled(*t)) {
            return Err(Outcome::Refused);
        }
        let ignores = |t: &ArmId| self.arm(*t).target == TargetDef::Ignore;
        let moving: Vec<ArmId> = enabled.iter().copied().filter(|t| !rejects(t) && !ignores(t)).collect();
        match moving.is_empty() {
            true if enabled.iter().any(ignores) => Err(Outcome::Ignored),
            true => Err(Outcome::NotHandled),
            false => Ok(self.remove_conflicting_transitions(&moving)),
        }
    }

    /// `function removeConflictingTransitions(enabledTransitions)`
    fn remove_conflicting_transitions(&self, enabled: &[ArmId]) -> Vec<ArmId> {
        let mut filtered: Vec<ArmId> = Vec::new();
        for t1 in enabled {
            let mut preempted = false;
            let mut to_remove: Vec<ArmId> = Vec::new();
            for t2 in &filtered {
                let (a, b) = (self.compute_exit_set(&[*t1]), self.compute_exit_set(&[*t2]));
                if a.intersection(&b).next().is_some() {
                    if self.is_descendant(self.source(*t1), self.source(*t2)) {
                        to_remove.push(*t2);
                    } else {
                        preempted = true;
                        break;
                    }
                }
            }
            if !preempted {
                filtered.retain(|t| !to_remove.contains(t));
                filtered.push(*t1);
            }
        }
        filtered
    }

    /// `procedure microstep(enabledTransitions)`
    fn microstep(&mut self, enabled: &[ArmId], event: Option<Event>) -> Result<(), Outcome> {
        self.microsteps += 1;
        if self.microsteps > 64 {
            return Err(Outcome::Livelock);
        }
        // A difference: exit actions and those of transitions see the configuration left, entry actions the one entered.
        let left = self.text();
        let states_to_exit = self.compute_exit_set(enabled);
        for s in states_to_exit.iter().rev() {
            let mut histories = self.children(Some(*s));
            histories.retain(|h| self.is_history(*h));
            for h in histories {
                let deep = self.kind(h) == NodeKind::DeepHistory;
                let keep = |s0: &NodeId| {
                    if deep {
                        self.is_atomic(*s0) && self.is_descendant(Some(*s0), Some(*s))
                    } else {
                        self.parent(*s0) == Some(*s)
                    }
                };
                let value = self.configuration.iter().copied().filter(keep).collect();
                self.history_value.insert(h, value);
            }
        }
        for s in states_to_exit.iter().rev() {
            self.execute(self.definition.nodes[s.index()].exit, &left, event);
            let timers: Vec<ArmId> = self.transitions(Some(*s)).collect();
            self.timers.retain(|arm, _| !timers.contains(arm));
            self.configuration.remove(s);
        }
        for t in enabled {
            self.execute(self.arm(*t).actions, &left, event);
        }
        let states_to_enter = self.compute_entry_set(enabled);
        self.enter(&states_to_enter);
        Ok(())
    }

    /// `procedure enterStates(enabledTransitions)`, from behind the entry set.
    fn enter(&mut self, states_to_enter: &BTreeSet<NodeId>) {
        let mut entered = self.configuration.clone();
        entered.extend(states_to_enter);
        let entered = Self::text_of(self.definition, &entered);
        for s in states_to_enter {
            self.configuration.insert(*s);
            self.execute(self.definition.nodes[s.index()].entry, &entered, None);
            self.set_timers(Some(*s));
            if self.kind(*s) != NodeKind::Final {
                continue;
            }
            let Some(parent) = self.parent(*s) else {
                self.running = false;
                continue;
            };
            self.internal_queue.push_back(Event::Done(parent));
            if let Some(grandparent) = self.parent(parent).filter(|g| self.kind(*g) == NodeKind::Parallel) {
                let regions = self.children(Some(grandparent)).into_iter().filter(|s| !self.is_history(*s));
                if regions.into_iter().all(|region| self.is_in_final_state(region)) {
                    self.internal_queue.push_back(Event::Done(grandparent));
                }
            }
        }
    }

    /// `procedure computeExitSet(enabledTransitions)`
    fn compute_exit_set(&self, transitions: &[ArmId]) -> BTreeSet<NodeId> {
        let mut states_to_exit = BTreeSet::new();
        for t in transitions.iter().filter(|t| !self.arm(**t).targets().is_empty()) {
            let domain = self.transition_domain(*t);
            states_to_exit
                .extend(self.configuration.iter().copied().filter(|s| self.is_descendant(Some(*s), domain)));
        }
        states_to_exit
    }

    /// `procedure computeEntrySet(transitions, …)`
    fn compute_entry_set(&self, transitions: &[ArmId]) -> BTreeSet<NodeId> {
        let mut states_to_enter = BTreeSet::new();
        for t in transitions.iter().filter(|t| !self.arm(**t).targets().is_empty()) {
            let mut entered = BTreeSet::new();
            for s in self.arm(*t).targets() {
                self.add_descendant_states_to_enter(*s, &mut entered);
            }
            let ancestor = self.transition_domain(*t);
            for s in self.effective(self.arm(*t).targets()) {
                self.add_ancestor_states_to_enter(s, ancestor, &mut entered);
            }
            // A difference: a history enters nothing outside the domain, for that was not left. By the letter it enters
            // all up to its own parent.
            entered.retain(|s| self.is_descendant(Some(*s), ancestor));
            states_to_enter.extend(entered);
        }
        states_to_enter
    }

    /// `procedure addDescendantStatesToEnter(state, …)`
    fn add_descendant_states_to_enter(&self, state: NodeId, enter: &mut BTreeSet<NodeId>) {
        if self.is_history(state) {
            let leads = self.history_value.get(&state).cloned().unwrap_or_else(|| self.default_of(state));
            for s in &leads {
                self.add_descendant_states_to_enter(*s, enter);
            }
            for s in &leads {
                self.add_ancestor_states_to_enter(*s, self.parent(state), enter);
            }
            return;
        }
        enter.insert(state);
        if self.is_compound(Some(state)) {
            let initial = self.definition.nodes[state.index()].initial;
            for s in initial {
                self.add_descendant_states_to_enter(*s, enter);
            }
            for s in initial {
                self.add_ancestor_states_to_enter(*s, Some(state), enter);
            }
        } else if self.kind(state) == NodeKind::Parallel {
            self.enter_children(state, enter);
        }
    }

    /// `procedure addAncestorStatesToEnter(state, ancestor, …)`
    fn add_ancestor_states_to_enter(&self, state: NodeId, ancestor: State, enter: &mut BTreeSet<NodeId>) {
        for anc in self.proper_ancestors(Some(state), ancestor).flatten() {
            enter.insert(anc);
            if self.kind(anc) == NodeKind::Parallel {
                self.enter_children(anc, enter);
            }
        }
    }

    fn enter_children(&self, parallel: NodeId, enter: &mut BTreeSet<NodeId>) {
        for child in self.children(Some(parallel)).into_iter().filter(|s| !self.is_history(*s)) {
            if !enter.iter().any(|s| self.is_descendant(Some(*s), Some(child))) {
                self.add_descendant_states_to_enter(child, enter);
            }
        }
    }

    /// `function getTransitionDomain(t)`
    fn transition_domain(&self, t: ArmId) -> State {
        let states = self.effective(self.arm(t).targets());
        let source = self.source(t);
        let internal = matches!(self.arm(t).target, TargetDef::Internal(_));
        if internal && self.is_compound(source) && states.iter().all(|s| self.is_descendant(Some(*s), source))
        {
            return source;
        }
        self.find_lcca(source, &states)
    }

    /// `function findLCCA(stateList)`
    fn find_lcca(&self, head: State, tail: &[NodeId]) -> State {
        let mut compound = self.proper_ancestors(head, None).filter(|s| self.is_compound(*s));
        compound.find(|anc| tail.iter().all(|s| self.is_descendant(Some(*s), *anc))).flatten()
    }

    /// `function getEffectiveTargetStates(transition)`
    fn effective(&self, targets: &[NodeId]) -> Vec<NodeId> {
        let mut found = BTreeSet::new();
        for s in targets {
            if !self.is_history(*s) {
                found.insert(*s);
            } else if let Some(value) = self.history_value.get(s) {
                found.extend(value);
            } else {
                found.extend(self.effective(&self.default_of(*s)));
            }
        }
        found.into_iter().collect()
    }

    /// A difference: a history without default leads where its parent begins.
    fn default_of(&self, history: NodeId) -> Vec<NodeId> {
        let node = &self.definition.nodes[history.index()];
        let Some(parent) = node.parent.filter(|_| node.initial.is_empty()) else {
            return node.initial.to_vec();
        };
        match self.kind(parent) {
            NodeKind::Parallel => {
                self.children(Some(parent)).into_iter().filter(|s| !self.is_history(*s)).collect()
            }
            _ => self.definition.nodes[parent.index()].initial.to_vec(),
        }
    }

    /// `function getProperAncestors(state1, state2)`, the root last, as `None`.
    fn proper_ancestors(&self, state: State, upto: State) -> impl Iterator<Item = State> + '_ {
        let all = self.document.ancestors[self.row(state)].iter().copied();
        all.take_while(move |ancestor| upto.is_none() || *ancestor != upto)
    }

    /// `function isDescendant(state1, state2)`
    fn is_descendant(&self, state: State, of: State) -> bool {
        state != of && self.document.ancestors[self.row(state)].contains(&of)
    }

    fn row(&self, state: State) -> usize {
        state.map_or(self.definition.nodes.len(), NodeId::index)
    }

    /// `function isInFinalState(s)`
    fn is_in_final_state(&self, s: NodeId) -> bool {
        let children = self.children(Some(s));
        if self.is_compound(Some(s)) {
            return children
                .iter()
                .any(|c| self.kind(*c) == NodeKind::Final && self.configuration.contains(c));
        }
        self.kind(s) == NodeKind::Parallel
            && children.into_iter().filter(|c| !self.is_history(*c)).all(|c| self.is_in_final_state(c))
    }

    fn applies(&self, t: ArmId, event: Option<Event>) -> bool {
        let arm = self.arm(t);
        let (matches, n) = match (event, arm.on) {
            (None, On::Always) => (true, 0),
            (Some(Event::Done(node)), On::Done) => (arm.source == Some(node), 0),
            (Some(Event::Timer(timer)), On::After(_) | On::Every(_)) => (timer == t, 0),
            (Some(Event::Trigger(stimulus)), On::Trigger { triggers, .. }) => {
                (triggers.contains(&stimulus.trigger), stimulus.n)
            }
            _ => (false, 0),
        };
        matches && arm.guard.is_none_or(|guard| self.condition_match(guard, n))
    }

    /// `function conditionMatch(t)`: the guards that the random machines have.
    fn condition_match(&self, guard: &str, n: u8) -> bool {
        if let Some(inner) = guard.strip_prefix('!') {
            return !self.condition_match(inner, n);
        }
        if let Some(bit) = guard.strip_prefix("data.is(").and_then(|rest| rest.strip_suffix(')')) {
            return self.world.is(bit.parse().expect("a bit"));
        }
        if let Some(limit) = guard.strip_prefix("n < ") {
            return n < limit.parse().expect("a number");
        }
        let name = guard.split("Node::").nth(1).and_then(|rest| rest.strip_suffix(')'));
        let node = name.and_then(|name| self.definition.find(name));
        self.configuration.contains(&node.unwrap_or_else(|| panic!("unknown guard `{guard}`")))
    }

    /// `executeContent`: the actions that the random machines have.
    fn execute(&mut self, actions: &[ActionDef<'_>], state: &str, event: Option<Event>) {
        let n = match event {
            Some(Event::Trigger(stimulus)) => stimulus.n,
            _ => 0,
        };
        for action in actions {
            match action {
                ActionDef::Emit(text) => {
                    let number = text.strip_prefix("Did::at(").and_then(|rest| rest.strip_suffix(", state)"));
                    let number = number.unwrap_or_else(|| panic!("unknown event `{text}`"));
                    let what = match number.strip_suffix(" + u32::from(n)") {
                        Some(base) => base.parse::<u32>().expect("a number") + u32::from(n),
                        None => number.parse().expect("a number"),
                    };
                    self.world.apply(&Did::at(what, &state));
                }
                ActionDef::Raise(trigger, text) => {
                    let raised = text
                        .split("n: ")
                        .nth(1)
                        .and_then(|rest| rest.trim_end_matches([' ', '}']).parse().ok());
                    let stimulus = Stimulus { trigger: *trigger, n: raised.unwrap_or_default() };
                    self.internal_queue.push_back(Event::Trigger(stimulus));
                }
                other => panic!("unknown action {other:?}"),
            }
        }
    }

    fn set_timers(&mut self, state: State) {
        for t in self.transitions(state).collect::<Vec<_>>() {
            if let On::After(text) | On::Every(text) = self.arm(t).on {
                let due = self.now.checked_add(duration(text)).expect("tests stay in range");
                self.timers.insert(t, due);
            }
        }
    }

    fn text_of(definition: &Definition, configuration: &BTreeSet<NodeId>) -> String {
        let leaves = configuration.iter().map(|id| &definition.nodes[id.index()]);
        let names: Vec<_> =
            leaves.filter(|n| matches!(n.kind, NodeKind::Atomic | NodeKind::Final)).map(|n| n.name).collect();
        names.join("+")
    }

    fn transitions(&self, state: State) -> impl Iterator<Item = ArmId> + '_ {
        self.document.transitions[self.row(state)].iter().copied()
    }

    fn arm(&self, t: ArmId) -> &'static ArmDef<'static> {
        &self.definition.arms[t.index()]
    }

    fn source(&self, t: ArmId) -> State {
        self.arm(t).source
    }

    fn kind(&self, s: NodeId) -> NodeKind {
        self.definition.nodes[s.index()].kind
    }

    fn parent(&self, s: NodeId) -> State {
        self.definition.nodes[s.index()].parent
    }

    fn children(&self, s: State) -> Vec<NodeId> {
        self.document.children[self.row(s)].clone()
    }

    fn is_atomic(&self, s: NodeId) -> bool {
        matches!(self.kind(s), NodeKind::Atomic | NodeKind::Final)
    }

    fn is_history(&self, s: NodeId) -> bool {
        matches!(self.kind(s), NodeKind::History | NodeKind::DeepHistory)
    }

    /// The root is `scxml`.
    fn is_compound(&self, s: State) -> bool {
        s.is_none_or(|s| matches!(self.kind(s), NodeKind::Compound | NodeKind::Region))
    }
}

/// Durations as the machines here write them: seconds.
fn duration(text: &str) -> SignedDuration {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    SignedDuration::from_secs(seconds.unwrap_or_else(|| panic!("unknown duration `{text}`")))
}
