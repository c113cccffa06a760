//! A digraph for Graphviz: compound states are clusters, every arm stands once.
//!
//! It decides no layout and draws nothing that is not declared.

use super::{ArmDef, Definition, NodeId, NodeKind, TargetDef};
use std::fmt::Write;

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut out = format!("digraph {} {{\n", quoted(definition.machine));
    out.push_str(
        "    compound=true;\n    node [shape=box, style=rounded];\n    \"(start)\" [shape=point];\n",
    );
    write_level(definition, None, &mut out, 1);
    let _ = writeln!(out, "    \"(start)\" -> {};", quoted(leaf(definition, definition.initial)));
    for arm in definition.arms {
        write_arm(definition, arm, &mut out);
    }
    out.push_str("}\n");
    out
}

fn write_level(definition: &Definition<'_>, parent: Option<NodeId>, out: &mut String, depth: usize) {
    let pad = "    ".repeat(depth);
    for id in definition.children(parent) {
        let name = definition.name(id);
        let _ = match definition.node(id).map(|n| n.kind) {
            Some(NodeKind::Compound | NodeKind::Parallel | NodeKind::Region) => {
                let _ = writeln!(out, "{pad}subgraph {} {{", quoted(&format!("cluster_{name}")));
                let _ = writeln!(out, "{pad}    label={};", quoted(name));
                write_level(definition, Some(id), out, depth + 1);
                writeln!(out, "{pad}}}")
            }
            Some(NodeKind::Final) => writeln!(out, "{pad}{} [peripheries=2];", quoted(name)),
            _ => writeln!(out, "{pad}{};", quoted(name)),
        };
    }
}

/// Edges join leaves; `ltail` and `lhead` cut them at the cluster that is meant. An arm of the machine itself
/// starts at a node of its own, "(any)".
fn write_arm(definition: &Definition<'_>, arm: &ArmDef<'_>, out: &mut String) {
    let from = arm.source.map_or("(any)", |id| leaf(definition, id));
    let to = match arm.target {
        TargetDef::To(_) | TargetDef::Internal(_) => {
            arm.targets().first().map_or(from, |id| leaf(definition, *id))
        }
        TargetDef::Stay | TargetDef::Ignore | TargetDef::Reject(_) => from,
    };
    let verdict = match arm.target {
        TargetDef::Reject(why) => format!(" / reject {why}"),
        TargetDef::Ignore => " / ignore".to_owned(),
        TargetDef::Stay => " / stay".to_owned(),
        TargetDef::To(_) | TargetDef::Internal(_) => String::new(),
    };
    let mut attributes = format!("label={}", quoted(&format!("{}{verdict}", arm.label())));
    if let Some(cluster) = arm.source.and_then(|id| cluster(definition, id)) {
        let _ = write!(attributes, ", ltail={cluster}");
    }
    if let Some(cluster) = arm.targets().first().and_then(|id| cluster(definition, *id)) {
        let _ = write!(attributes, ", lhead={cluster}");
    }
    let _ = writeln!(out, "    {} -> {} [{attributes}];", quoted(from), quoted(to));
}

/// The first leaf inside a node: where an edge can be tied.
fn leaf<'a>(definition: &Definition<'a>, id: NodeId) -> &'a str {
    match definition.children(Some(id)).next() {
        Some(child) => leaf(definition, child),
        None => definition.name(id),
    }
}

fn cluster(definition: &Definition<'_>, id: NodeId) -> Option<String> {
    let node = definition.node(id)?;
    (!node.kind.is_leaf()).then(|| quoted(&format!("cluster_{}", node.name)))
}

fn quoted(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""))
}
