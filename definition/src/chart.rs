//! What a statechart does: which nodes an arm leaves and enters, which of several arms win, what is remembered and
//! what is done. After W3C SCXML, Appendix D; the names of its procedures stand at the functions.
//!
//! Nothing here evaluates a guard or runs an action, and nothing chooses an arm.

use crate::{ArmId, Definition, NodeId, NodeKind, On, TargetDef};
use smallvec::SmallVec;

/// Nodes without repetition, in document order.
pub type Nodes = SmallVec<[NodeId; 12]>;

/// Arms in the order in which they were selected.
pub type Arms = SmallVec<[ArmId; 4]>;

/// The active nodes, ancestors included, in document order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Configuration(Nodes);

/// What the histories of a machine stand for: the nodes that were active when their parents were last left.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Memory(Vec<(NodeId, Nodes)>);

/// What one microstep leaves and enters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Microstep {
    /// Left, innermost first.
    pub exits: Nodes,
    /// Entered, outermost first.
    pub entries: Nodes,
    /// The configuration that it leads to.
    pub to: Configuration,
    /// What is remembered from then on.
    pub memory: Memory,
}

/// What became of the arms that were selected for one trigger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// No arm was selected.
    Nothing,
    /// This arm refuses the trigger.
    Refused(ArmId),
    /// The trigger is accepted, and nothing happens.
    Ignored(ArmId),
    /// These arms are taken together.
    Taken(Arms),
}

impl Configuration {
    /// The configuration with these leaves.
    pub fn of(definition: &Definition<'_>, leaves: impl IntoIterator<Item = NodeId>) -> Self {
        let mut nodes = Nodes::new();
        for leaf in leaves {
            // What is there already has its ancestors there.
            let new = definition.lineage(leaf).take_while(|id| nodes.last() != Some(id));
            let new: Nodes = new.filter(|id| nodes.binary_search(id).is_err()).collect();
            new.into_iter().rev().for_each(|id| insert(&mut nodes, id));
        }
        Self(nodes)
    }

    /// Every active node, in document order.
    pub fn nodes(&self) -> &[NodeId] {
        &self.0
    }

    /// Whether a node is active.
    pub fn contains(&self, id: NodeId) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    /// Where the instance rests: the active atomic and final states, in document order.
    pub fn leaves(&self, definition: &Definition<'_>) -> impl Iterator<Item = NodeId> {
        let nodes = definition.nodes;
        self.0.iter().copied().filter(move |id| nodes.get(id.index()).is_some_and(|n| n.kind.is_leaf()))
    }

    /// Whether the instance has finished: a final state of the machine itself is active.
    pub fn is_end(&self, definition: &Definition<'_>) -> bool {
        self.0.iter().any(|id| definition.is_end(*id))
    }

    /// The names of its leaves, joined by `+`: the text of a state.
    pub fn text(&self, definition: &Definition<'_>) -> String {
        let names: Vec<_> = self.leaves(definition).map(|id| definition.name(id)).collect();
        names.join("+")
    }
}

impl Memory {
    /// What a history stands for; `None`: its parent was never left.
    pub fn get(&self, history: NodeId) -> Option<&[NodeId]> {
        let place = self.0.binary_search_by_key(&history, |(id, _)| *id).ok()?;
        self.0.get(place).map(|(_, nodes)| nodes.as_slice())
    }

    /// From now on a history stands for these nodes.
    pub fn set(&mut self, history: NodeId, nodes: Nodes) {
        match self.0.binary_search_by_key(&history, |(id, _)| *id) {
            Ok(place) => self.0[place].1 = nodes,
            Err(place) => self.0.insert(place, (history, nodes)),
        }
    }

    /// Every history that stands for something.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &[NodeId])> {
        self.0.iter().map(|(history, nodes)| (*history, nodes.as_slice()))
    }

    /// Whether no parent of a history was ever left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Definition<'a> {
    /// Whether leaves, exits and entries of every arm are known beforehand: there are no regions and no histories.
    pub fn is_flat(&self) -> bool {
        !self.nodes.iter().any(|n| n.kind == NodeKind::Parallel || n.kind.is_history())
    }

    /// What is entered at the very beginning. `Procedure interpret`
    pub fn beginning(&self, memory: &Memory) -> Nodes {
        self.entry_set(None, &[self.initial], memory)
    }

    /// What arms do that were selected together, and that do not conflict. `Procedure microstep`
    pub fn microstep(&self, from: &Configuration, memory: &Memory, arms: &[ArmId]) -> Microstep {
        let mut exits = Nodes::new();
        for arm in arms {
            self.exit_set(from, memory, *arm).for_each(|id| insert(&mut exits, id));
        }
        let mut memory = memory.clone();
        for id in &exits {
            self.remember(from, *id, &mut memory);
        }
        let mut entries = Nodes::new();
        for arm in arms.iter().filter_map(|id| self.arm(*id)).filter(|arm| !arm.targets().is_empty()) {
            let domain = self.domain(arm.source, arm.targets(), (&arm.target, &memory));
            self.enter(domain, arm.targets(), &memory, &mut entries);
        }
        let mut to: Nodes = from.0.iter().copied().filter(|id| exits.binary_search(id).is_err()).collect();
        entries.iter().for_each(|id| insert(&mut to, *id));
        exits.reverse();
        Microstep { exits, entries, to: Configuration(to), memory }
    }

    /// What becomes of the arms that were selected, one for each leaf. A `reject` is passed over when another
    /// selected arm stands inside its own node: a region that answers is not vetoed by what it inherits. Any other
    /// refuses the trigger.
    pub fn settle(&self, from: &Configuration, memory: &Memory, selected: &[ArmId]) -> Selection {
        let is =
            |id: ArmId, what: fn(&TargetDef<'_>) -> bool| self.arm(id).is_some_and(|arm| what(&arm.target));
        let overruled =
            |id: ArmId| selected.iter().any(|other| self.is_inside(self.source(*other), self.source(id)));
        let rejects = |id: &ArmId| is(*id, |target| matches!(target, TargetDef::Reject(_)));
        if let Some(refusing) = selected.iter().copied().find(|id| rejects(id) && !overruled(*id)) {
            return Selection::Refused(refusing);
        }
        let ignores = |id: &ArmId| is(*id, |target| matches!(target, TargetDef::Ignore));
        let moving: Arms = selected.iter().copied().filter(|id| !rejects(id) && !ignores(id)).collect();
        match (moving.as_slice(), selected.iter().copied().find(ignores)) {
            ([], Some(ignoring)) => Selection::Ignored(ignoring),
            ([], None) => Selection::Nothing,
            ([_], _) => Selection::Taken(moving),
            _ => Selection::Taken(self.without_conflicts(from, memory, &moving)),
        }
    }

    /// Arms of the selected that can be taken together: of two that would leave a common node, the one whose source
    /// lies inside the other's wins, else the one selected earlier. `function removeConflictingTransitions`
    pub fn without_conflicts(&self, from: &Configuration, memory: &Memory, selected: &[ArmId]) -> Arms {
        let leave = |arm: &ArmId| self.exit_set(from, memory, *arm).collect();
        let exits: SmallVec<[Nodes; 4]> = selected.iter().map(leave).collect();
        let mut kept: SmallVec<[(ArmId, &Nodes); 4]> = SmallVec::new();
        for (arm, left) in selected.iter().zip(&exits) {
            let conflicting =
                |(_, other): &&(ArmId, &Nodes)| other.iter().any(|id| left.binary_search(id).is_ok());
            let beats = |other: ArmId| self.is_inside(self.source(*arm), self.source(other));
            if kept.iter().filter(conflicting).all(|(other, _)| beats(*other)) {
                kept.retain(|other| !conflicting(&&*other));
                kept.push((*arm, left));
            }
        }
        kept.into_iter().map(|(arm, _)| arm).collect()
    }

    /// Whether a source lies inside another and is not the same; `None` is the machine.
    pub fn is_inside(&self, inner: Option<NodeId>, outer: Option<NodeId>) -> bool {
        match (inner, outer) {
            (Some(inner), Some(outer)) => inner != outer && self.is_within(inner, outer),
            (inner, None) => inner.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// The node that an arm stands in.
    pub fn source(&self, arm: ArmId) -> Option<NodeId> {
        self.arm(arm)?.source
    }

    /// The active nodes that an arm leaves, in document order. `function computeExitSet`
    pub fn exit_set(
        &self,
        from: &Configuration,
        memory: &Memory,
        arm: ArmId,
    ) -> impl Iterator<Item = NodeId> + use<'a> {
        let arm = self.arm(arm).filter(|arm| !arm.targets().is_empty());
        let domain = arm.map(|arm| self.domain(arm.source, arm.targets(), (&arm.target, memory)));
        let definition = *self;
        let nodes = from.0.clone();
        nodes
            .into_iter()
            .filter(move |id| domain.is_some_and(|domain| definition.is_inside(Some(*id), domain)))
    }

    /// The node that stays active around all that an arm leaves and enters; `None` is the machine.
    /// `function getTransitionDomain`, `function findLCCA`
    pub fn domain(
        &self,
        source: Option<NodeId>,
        targets: &[NodeId],
        how: (&TargetDef<'_>, &Memory),
    ) -> Option<NodeId> {
        let source = source?;
        let (target, memory) = how;
        let mut effective = Nodes::new();
        self.effective(targets, memory, &mut effective);
        let inside = |around: NodeId| effective.iter().all(|id| *id != around && self.is_within(*id, around));
        if matches!(target, TargetDef::Internal(_)) && self.kind(source).is_compound() && inside(source) {
            return Some(source);
        }
        self.lineage(source).skip(1).find(|id| self.kind(*id).is_compound() && inside(*id))
    }

    /// What is entered inside a domain on the way to the targets, in document order. `procedure computeEntrySet`
    pub fn entry_set(&self, domain: Option<NodeId>, targets: &[NodeId], memory: &Memory) -> Nodes {
        let mut entries = Nodes::new();
        self.enter(domain, targets, memory, &mut entries);
        entries
    }

    /// The nodes that are done when a final state is entered, in order: the compound or region around it, and the
    /// parallel state around that if all its regions have come to an end. `procedure enterStates`
    pub fn done_by(&self, entered: NodeId, active: &[NodeId]) -> (Option<NodeId>, Option<NodeId>) {
        if self.kind(entered) != NodeKind::Final {
            return (None, None);
        }
        let Some(around) = self.parent(entered) else { return (None, None) };
        let parallel = self.parent(around).filter(|id| self.kind(*id) == NodeKind::Parallel);
        let ended = |region: NodeId| {
            let mut inside = self.children(Some(region));
            inside.any(|id| self.kind(id) == NodeKind::Final && active.contains(&id))
        };
        (Some(around), parallel.filter(|id| self.regions(*id).all(ended)))
    }

    /// Whether a `done` arm stands in a node.
    pub fn answers_done(&self, id: NodeId) -> bool {
        let arms = self.own_arms(Some(id)).iter().filter_map(|arm| self.arm(*arm));
        arms.into_iter().any(|arm| arm.on == On::Done)
    }

    /// The regions of a parallel state, in document order.
    pub fn regions(&self, parallel: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        let definition = *self;
        self.children(Some(parallel)).filter(move |id| definition.kind(*id) == NodeKind::Region)
    }

    /// Histories resolved to the nodes they stand for. `function getEffectiveTargetStates`
    fn effective(&self, targets: &[NodeId], memory: &Memory, found: &mut Nodes) {
        for target in targets {
            if !self.kind(*target).is_history() {
                insert(found, *target);
            } else if let Some(remembered) = memory.get(*target) {
                for id in remembered {
                    insert(found, *id);
                }
            } else {
                self.effective(&self.default_of(*target), memory, found);
            }
        }
    }

    /// Where a history leads whose parent was never left: its default, else where its parent begins.
    fn default_of(&self, history: NodeId) -> Nodes {
        let Some(node) = self.node(history) else { return Nodes::new() };
        let Some(parent) = node.parent.filter(|_| node.initial.is_empty()) else {
            return node.initial.iter().copied().collect();
        };
        match self.kind(parent) {
            NodeKind::Parallel => self.regions(parent).collect(),
            _ => self.node(parent).map(|n| n.initial.iter().copied().collect()).unwrap_or_default(),
        }
    }

    /// A difference from SCXML: what lies outside the domain was not left, so it is not entered. There a history enters
    /// all up to its parent, however near what it stands for is to the arm: states would be entered twice.
    fn enter(&self, domain: Option<NodeId>, targets: &[NodeId], memory: &Memory, entries: &mut Nodes) {
        let mut entered = Nodes::new();
        for target in targets {
            self.enter_inside(*target, memory, &mut entered);
        }
        let mut effective = Nodes::new();
        self.effective(targets, memory, &mut effective);
        for target in effective {
            self.enter_around(target, domain, memory, &mut entered);
        }
        let inside = entered.into_iter().filter(|id| self.is_inside(Some(*id), domain));
        inside.for_each(|id| insert(entries, id));
    }

    /// `procedure addDescendantStatesToEnter`
    fn enter_inside(&self, id: NodeId, memory: &Memory, entries: &mut Nodes) {
        let Some(node) = self.node(id) else { return };
        if node.kind.is_history() {
            let remembered = memory.get(id).map(|nodes| nodes.iter().copied().collect());
            let leads: Nodes = remembered.unwrap_or_else(|| self.default_of(id));
            self.enter_all(&leads, node.parent, memory, entries);
            return;
        }
        insert(entries, id);
        if node.kind.is_compound() {
            self.enter_all(node.initial, Some(id), memory, entries);
        } else if node.kind == NodeKind::Parallel {
            self.enter_regions(id, memory, entries);
        }
    }

    fn enter_all(&self, targets: &[NodeId], domain: Option<NodeId>, memory: &Memory, entries: &mut Nodes) {
        for target in targets {
            self.enter_inside(*target, memory, entries);
        }
        for target in targets {
            self.enter_around(*target, domain, memory, entries);
        }
    }

    /// `procedure addAncestorStatesToEnter`
    fn enter_around(&self, id: NodeId, domain: Option<NodeId>, memory: &Memory, entries: &mut Nodes) {
        for around in self.lineage(id).skip(1).take_while(|id| Some(*id) != domain) {
            insert(entries, around);
            if self.kind(around) == NodeKind::Parallel {
                self.enter_regions(around, memory, entries);
            }
        }
    }

    /// The regions that nothing else enters begin where they begin.
    fn enter_regions(&self, parallel: NodeId, memory: &Memory, entries: &mut Nodes) {
        for region in self.regions(parallel) {
            if !entries.iter().any(|id| self.is_inside(Some(*id), Some(region))) {
                self.enter_inside(region, memory, entries);
            }
        }
    }

    /// What the histories of a node that is left stand for from now on. `procedure exitStates`
    fn remember(&self, from: &Configuration, left: NodeId, memory: &mut Memory) {
        if self.kind(left).is_leaf() {
            return;
        }
        for history in self.children(Some(left)).filter(|id| self.kind(*id).is_history()) {
            let deep = self.kind(history) == NodeKind::DeepHistory;
            let leaf = |id: NodeId| self.kind(id).is_leaf() && self.is_inside(Some(id), Some(left));
            let child = |id: NodeId| self.parent(id) == Some(left);
            let kept = from.0.iter().copied().filter(|id| if deep { leaf(*id) } else { child(*id) });
            memory.set(history, kept.collect());
        }
    }
}

/// Mostly they come in order.
fn insert(nodes: &mut Nodes, id: NodeId) {
    if nodes.last().is_none_or(|last| *last < id) {
        nodes.push(id);
    } else if let Err(place) = nodes.binary_search(&id) {
        nodes.insert(place, id);
    }
}
