//! A digraph for Graphviz: states with states inside are clusters, every arm stands once.
//!
//! It decides no layout and draws nothing that is not declared.

use crate::text::{self, Page};
use crate::{ArmDef, Definition, NodeDef, NodeId, NodeKind};

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut drawing = Drawing { definition, page: Page::new("    ") };
    drawing.page.line(0, &format!("digraph {} {{", quoted(definition.machine)));
    drawing.page.line(1, "compound=true;");
    drawing.page.line(1, "node [shape=box, style=rounded];");
    drawing.page.line(1, "start [shape=point];");
    drawing.level(None, 1);
    drawing.edge("start", definition.initial, &[], 1);
    if !definition.own.is_empty() {
        let label = quoted(&format!("{}, in any state", definition.machine));
        drawing.page.line(1, &format!("any [label={label}, style=\"rounded,dashed\"];"));
    }
    for (place, arm) in definition.arms.iter().enumerate() {
        drawing.arm(place, arm);
    }
    drawing.page.line(0, "}");
    drawing.page.out
}

struct Drawing<'d, 'a> {
    definition: &'d Definition<'a>,
    page: Page,
}

impl Drawing<'_, '_> {
    fn level(&mut self, parent: Option<NodeId>, depth: usize) {
        for (id, node, _) in text::level(self.definition, parent) {
            self.node(id, node, depth);
        }
    }

    fn node(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        let (name, lines) = (text::id(id), text::hooks(node));
        let label =
            quoted(&std::iter::once(node.name.to_owned()).chain(lines).collect::<Vec<_>>().join("\n"));
        if node.kind.is_history() {
            let shown = quoted(text::history(node.kind));
            self.page.line(depth, &format!("{name} [label={shown}, xlabel={label}, shape=circle];"));
            for target in node.initial {
                self.edge(&name, *target, &["style=dashed".to_owned()], depth);
            }
        } else if node.kind.is_leaf() {
            let more = if node.kind == NodeKind::Final { ", peripheries=2" } else { "" };
            self.page.line(depth, &format!("{name} [label={label}{more}];"));
        } else {
            let style = if node.kind == NodeKind::Region { "dashed" } else { "rounded" };
            self.page.line(depth, &format!("subgraph cluster_{name} {{"));
            self.page.line(depth + 1, &format!("label={label}; style={style};"));
            for target in node.initial {
                self.page.line(depth + 1, &format!("start_{name} [shape=point];"));
                self.edge(&format!("start_{name}"), *target, &[], depth + 1);
            }
            self.level(Some(id), depth + 1);
            self.page.line(depth, "}");
        }
    }

    /// Edges join leaves; `lhead` cuts them at the cluster that is meant.
    fn edge(&mut self, from: &str, to: NodeId, attributes: &[String], depth: usize) {
        let mut attributes = attributes.to_vec();
        if !self.is_leaf(to) {
            attributes.push(format!("lhead=cluster_{}", text::id(to)));
        }
        let to = text::id(self.leaf(to));
        let attributes =
            if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        self.page.line(depth, &format!("{from} -> {to}{attributes};"));
    }

    fn arm(&mut self, place: usize, arm: &ArmDef<'_>) {
        let mut attributes = vec![format!("label={}", quoted(&text::arm(arm)))];
        let from = match arm.source {
            Some(id) => {
                if !self.is_leaf(id) {
                    attributes.push(format!("ltail=cluster_{}", text::id(id)));
                }
                text::id(self.leaf(id))
            }
            None => "any".to_owned(),
        };
        match arm.targets() {
            [] => self.page.line(1, &format!("{from} -> {from} [{}];", attributes.join(", "))),
            [target] => self.edge(&from, *target, &attributes, 1),
            several => {
                self.page.line(1, &format!("fork{place} [shape=point];"));
                self.page.line(1, &format!("{from} -> fork{place} [{}];", attributes.join(", ")));
                for target in several {
                    self.edge(&format!("fork{place}"), *target, &[], 1);
                }
            }
        }
    }

    fn is_leaf(&self, id: NodeId) -> bool {
        self.definition.kind(id).is_leaf() || self.definition.kind(id).is_history()
    }

    /// The first leaf inside a node: where an edge can be tied.
    fn leaf(&self, id: NodeId) -> NodeId {
        if self.is_leaf(id) {
            return id;
        }
        self.definition.children(Some(id)).next().map_or(id, |child| self.leaf(child))
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
