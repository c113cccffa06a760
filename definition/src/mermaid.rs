//! `stateDiagram-v2` of Mermaid: nodes nested as declared, then every arm once.
//!
//! It decides no layout and draws nothing that is not declared.

use super::{ActionDef, ArmDef, Definition, NodeId, NodeKind, TargetDef};
use std::fmt::Write;

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut out = String::from("stateDiagram-v2\n");
    write_level(definition, None, &mut out, 1);
    for arm in definition.arms {
        write_arm(definition, arm, &mut out);
    }
    out
}

fn write_level(definition: &Definition<'_>, parent: Option<NodeId>, out: &mut String, depth: usize) {
    let pad = "    ".repeat(depth);
    let initial: Vec<_> = parent.map_or(vec![definition.initial], |id| {
        definition.node(id).map_or(Vec::new(), |n| n.initial.to_vec())
    });
    for initial in initial {
        let _ = writeln!(out, "{pad}[*] --> {}", definition.name(initial));
    }
    for id in definition.children(parent) {
        let name = definition.name(id);
        match definition.node(id).map(|n| n.kind) {
            Some(NodeKind::Compound) => {
                let _ = writeln!(out, "{pad}state {name} {{");
                write_level(definition, Some(id), out, depth + 1);
                let _ = writeln!(out, "{pad}}}");
            }
            Some(NodeKind::Final) => {
                let _ = writeln!(out, "{pad}{name}\n{pad}{name} --> [*]");
            }
            _ => {
                let _ = writeln!(out, "{pad}{name}");
            }
        }
    }
}

/// An arm of the machine itself starts at every state, which Mermaid cannot say: it becomes a note.
fn write_arm(definition: &Definition<'_>, arm: &ArmDef<'_>, out: &mut String) {
    let label = plain(&text(arm));
    match (arm.source.map(|id| definition.name(id)), arm.target) {
        (Some(source), TargetDef::To(_) | TargetDef::Internal(_)) => {
            for to in arm.targets() {
                let _ = writeln!(out, "    {source} --> {} : {label}", definition.name(*to));
            }
        }
        (Some(source), TargetDef::Stay | TargetDef::Ignore | TargetDef::Reject(_)) => {
            let _ = writeln!(out, "    {source} : {label}");
        }
        (None, target) => {
            let to = match target {
                TargetDef::To(to) => format!(
                    " --> {}",
                    to.iter().map(|id| definition.name(*id)).collect::<Vec<_>>().join(", ")
                ),
                TargetDef::Internal(to) => format!(" --> {}", definition.name(to)),
                TargetDef::Stay | TargetDef::Ignore | TargetDef::Reject(_) => String::new(),
            };
            let at = definition.name(definition.initial);
            let _ = writeln!(out, "    note right of {at}\n        in any state: {label}{to}\n    end note");
        }
    }
}

fn text(arm: &ArmDef<'_>) -> String {
    let actions = arm.actions.iter().map(|action| match action {
        ActionDef::Emit(what) => format!(" / emit {what}"),
        ActionDef::Do(what) => format!(" / do {what}"),
        ActionDef::Raise(_, what) => format!(" / raise {what}"),
    });
    let verdict = match arm.target {
        TargetDef::Reject(why) => format!(" / reject {why}"),
        TargetDef::Ignore => " / ignore".to_owned(),
        TargetDef::Stay => " / stay".to_owned(),
        TargetDef::To(_) | TargetDef::Internal(_) => String::new(),
    };
    std::iter::once(arm.label()).chain([verdict]).chain(actions).collect()
}

/// Mermaid ends a label at a line break or `;` and reads `:` and `#` as its own: they go in as entities.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().fold(String::with_capacity(words.len()), |mut out, c| {
        match c {
            '#' | ';' | ':' | '{' | '}' | '<' | '>' | '"' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            _ => out.push(c),
        }
        out
    })
}
