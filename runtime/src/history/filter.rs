//! Which records a question is about.

use crate::definition::{Definition, NodeId};
use crate::explain::Text;
use crate::store::Kind;
use crate::store::query::Selection;
use jiff::Timestamp;

/// Records that fit all of what is said; steps unless said otherwise.
#[derive(Clone, Debug)]
#[must_use = "a filter does nothing until it is asked with"]
pub struct Filter {
    kinds: Vec<Kind>,
    triggers: Vec<Text>,
    from: Option<NodeId>,
    to: Option<NodeId>,
    changes: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self { kinds: vec![Kind::Step], triggers: Vec::new(), from: None, to: None, changes: false }
    }
}

impl Filter {
    /// Every step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records of these kinds. Refusals stand among the records only where a command asked for it.
    pub fn kinds(mut self, kinds: &[Kind]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// Those of a trigger, by its name; of a timer, by the timer's. Said again, of either.
    pub fn trigger(mut self, name: &str) -> Self {
        self.triggers.push(name.to_owned().into());
        self
    }

    /// Those before which a node was active: a state, or one around it.
    pub fn from_state(mut self, node: impl Into<NodeId>) -> Self {
        self.from = Some(node.into());
        self
    }

    /// Those behind which a node is active: a state, or one around it.
    pub fn to_state(mut self, node: impl Into<NodeId>) -> Self {
        self.to = Some(node.into());
        self
    }

    /// Those that lead to another state.
    pub fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    pub(super) fn selection(&self, definition: &Definition, since: Timestamp, until: Timestamp) -> Selection {
        let inside = |node: Option<NodeId>| node.map(|node| names(definition, node));
        Selection {
            kinds: self.kinds.clone(),
            since,
            until,
            triggers: (!self.triggers.is_empty()).then(|| self.triggers.clone()),
            from: inside(self.from),
            to: inside(self.to),
            changes: self.changes,
        }
    }
}

/// The names under which a node's states are recorded, former ones too.
fn names(definition: &Definition, node: NodeId) -> Vec<Text> {
    let leaves = definition.ids().filter(|id| definition.kind(*id).is_leaf());
    let inside: Vec<_> = leaves.filter(|leaf| definition.is_within(*leaf, node)).collect();
    let now = inside.iter().map(|leaf| definition.name(*leaf));
    let migrations = definition.migrations.iter();
    let former =
        migrations.filter(|migration| inside.contains(&migration.to)).map(|migration| migration.from);
    now.chain(former).map(|name| name.to_owned().into()).collect()
}
