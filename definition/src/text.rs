//! What diagrams say about nodes and arms.

use crate::{ActionDef, ArmDef, Definition, NodeDef, NodeId, NodeKind, TargetDef};

/// Text in the making, line by line.
pub(crate) struct Page {
    pub(crate) out: String,
    indent: &'static str,
}

impl Page {
    /// An empty page; each level of nesting is indented by this.
    pub(crate) fn new(indent: &'static str) -> Self {
        Self { out: String::new(), indent }
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&self.indent.repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// An arm on one line: `Pay { cents } [cents >= data.total()] / emit OrderPaid { cents }`.
pub(crate) fn arm(arm: &ArmDef<'_>) -> String {
    let verdict = match arm.target {
        TargetDef::Reject(why) => Some(format!("reject {why}")),
        TargetDef::Ignore => Some("ignore".to_owned()),
        TargetDef::Stay => Some("stay".to_owned()),
        TargetDef::Internal(_) => Some("internal".to_owned()),
        TargetDef::To(_) => None,
    };
    let actions = arm.actions.iter().map(action);
    let parts = std::iter::once(arm.label()).chain(verdict).chain(actions);
    folded(&parts.collect::<Vec<_>>().join(" / "))
}

/// The entry and exit actions of a node, a line each.
pub(crate) fn hooks(node: &NodeDef<'_>) -> Vec<String> {
    let hooks = [("entry", node.entry), ("exit", node.exit)];
    let some = hooks.into_iter().filter(|(_, actions)| !actions.is_empty());
    some.map(|(hook, actions)| {
        let actions: Vec<_> = actions.iter().map(action).collect();
        folded(&format!("{hook} / {}", actions.join(" / ")))
    })
    .collect()
}

pub(crate) fn action(action: &ActionDef<'_>) -> String {
    match action {
        ActionDef::Emit(what) => format!("emit {what}"),
        ActionDef::Do(what) => format!("do {what}"),
        ActionDef::Raise(_, what) => format!("raise {what}"),
    }
}

/// A name for a node that no format has a meaning of its own for.
pub(crate) fn id(node: NodeId) -> String {
    format!("n{}", node.0)
}

/// What a history is drawn as.
pub(crate) fn history(kind: NodeKind) -> &'static str {
    if kind == NodeKind::DeepHistory { "H*" } else { "H" }
}

/// The node that an arm's line stands at; `None`: the machine itself.
pub(crate) fn own_arms<'a>(
    definition: &Definition<'a>,
    source: Option<NodeId>,
) -> impl Iterator<Item = (usize, &'a ArmDef<'a>)> + use<'a> {
    let definition = *definition;
    let ids = definition.own_arms(source).iter();
    ids.filter_map(move |id| Some((id.index(), definition.arm(*id)?)))
}

/// The children of a node, or of the machine, in source order. The flag: a region with another before it, from which
/// it is drawn apart.
pub(crate) fn level<'a>(
    definition: &Definition<'a>,
    parent: Option<NodeId>,
) -> impl Iterator<Item = (NodeId, &'a NodeDef<'a>, bool)> + use<'a> {
    let definition = *definition;
    let children = definition.children(parent).filter_map(move |id| Some((id, definition.node(id)?)));
    children.scan(false, |regions, (id, node)| {
        let region = node.kind == NodeKind::Region;
        let apart = region && *regions;
        *regions |= region;
        Some((id, node, apart))
    })
}

/// One line, white space folded.
pub(crate) fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text between tags, or in a quoted attribute.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no place for other control characters, not even escaped.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
