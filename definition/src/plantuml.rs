//! A state diagram for `PlantUML`: nodes nested as declared, regions side by side, every arm once.
//!
//! It decides no layout and draws nothing that is not declared.

use crate::text::{self, Page};
use crate::{ArmDef, Definition, NodeDef, NodeId, NodeKind};
use std::fmt::Write;

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut drawing = Drawing { definition, page: Page::new("  ") };
    drawing.page.line(0, "@startuml");
    drawing.page.line(0, "hide empty description");
    drawing.page.line(0, &format!("[*] --> {}", drawing.name(definition.initial)));
    drawing.level(None, 0);
    if !definition.own.is_empty() {
        drawing.page.line(0, &format!("state \"{}, in any state\" as any", quoted(definition.machine)));
    }
    for (place, arm) in definition.arms.iter().enumerate() {
        drawing.arm(place, arm);
    }
    drawing.page.line(0, "@enduml");
    drawing.page.out
}

struct Drawing<'d, 'a> {
    definition: &'d Definition<'a>,
    page: Page,
}

impl Drawing<'_, '_> {
    /// A history is its parent's, with a mark.
    fn name(&self, id: NodeId) -> String {
        let kind = self.definition.kind(id);
        match self.definition.parent(id).filter(|_| kind.is_history()) {
            Some(parent) => format!("{}[{}]", text::id(parent), text::history(kind)),
            None => text::id(id),
        }
    }

    fn level(&mut self, parent: Option<NodeId>, depth: usize) {
        for (id, node, apart) in text::level(self.definition, parent) {
            if apart {
                self.page.line(depth, "--");
            }
            self.node(id, node, depth);
        }
    }

    fn node(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        if node.kind.is_history() {
            self.page.line(depth, &format!("' history {}", node.name));
            for target in node.initial {
                self.page.line(depth, &format!("{} --> {} : default", self.name(id), self.name(*target)));
            }
            return;
        }
        let name = text::id(id);
        let head = format!("state \"{}\" as {name}", quoted(node.name));
        if node.kind.is_leaf() {
            self.page.line(depth, &head);
            if node.kind == NodeKind::Final {
                self.page.line(depth, &format!("{name} --> [*]"));
            }
        } else {
            self.page.line(depth, &format!("{head} {{"));
            for target in node.initial {
                self.page.line(depth + 1, &format!("[*] --> {}", self.name(*target)));
            }
            self.level(Some(id), depth + 1);
            self.page.line(depth, "}");
        }
        for line in text::hooks(node) {
            self.page.line(depth, &format!("{name} : {}", quoted(&line)));
        }
    }

    fn arm(&mut self, place: usize, arm: &ArmDef<'_>) {
        let source = arm.source.map_or("any".to_owned(), text::id);
        let label = quoted(&text::arm(arm));
        match arm.targets() {
            [] => self.page.line(0, &format!("{source} : {label}")),
            [target] => self.page.line(0, &format!("{source} --> {} : {label}", self.name(*target))),
            several => {
                self.page.line(0, &format!("state fork{place} <<fork>>"));
                self.page.line(0, &format!("{source} --> fork{place} : {label}"));
                for target in several {
                    self.page.line(0, &format!("fork{place} --> {}", self.name(*target)));
                }
            }
        }
    }
}

/// Creole marks and line ends mean something there; `<U+…>` means the character alone.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' | '<' | '>' | '~' | '*' | '/' | '_' | '-' | '{' | '}' | '[' | ']' | ':' | '|' => {
                let _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
