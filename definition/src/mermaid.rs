//! `stateDiagram-v2` of Mermaid: nodes nested as declared, then every arm once. What leads nowhere is a line at its
//! state; arms of the machine itself start at a state of their own.
//!
//! It decides no layout and draws nothing that is not declared.

use crate::text::{self, Page};
use crate::{ArmDef, Definition, NodeDef, NodeId, NodeKind};
use std::fmt::Write;

pub(super) fn draw(definition: &Definition<'_>) -> String {
    let mut drawing = Drawing { definition, page: Page::new("    ") };
    drawing.page.line(0, "stateDiagram-v2");
    drawing.page.line(1, &format!("[*] --> {}", text::id(definition.initial)));
    drawing.level(None, 1);
    if !definition.own.is_empty() {
        drawing.page.line(
            1,
            &format!("state \"{}\" as any", quoted(&format!("{}, in any state", definition.machine))),
        );
    }
    let sources = std::iter::once(None).chain(definition.ids().map(Some));
    for source in sources {
        for (place, arm) in text::own_arms(definition, source) {
            drawing.arm(place, arm);
        }
    }
    drawing.page.out
}

struct Drawing<'d, 'a> {
    definition: &'d Definition<'a>,
    page: Page,
}

impl Drawing<'_, '_> {
    fn level(&mut self, parent: Option<NodeId>, depth: usize) {
        for (id, node, apart) in text::level(self.definition, parent) {
            if apart {
                self.page.line(depth, "--");
            }
            self.node(id, node, depth);
        }
    }

    fn node(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        let name = text::id(id);
        let shown = if node.kind.is_history() {
            format!("{} ({})", node.name, text::history(node.kind))
        } else {
            node.name.to_owned()
        };
        let head = format!("state \"{}\" as {name}", quoted(&shown));
        if node.kind.is_leaf() || node.kind.is_history() {
            self.page.line(depth, &head);
            for line in text::hooks(node) {
                self.page.line(depth, &format!("{name} : {}", quoted(&line)));
            }
            for target in node.initial {
                self.page.line(depth, &format!("{name} --> {} : default", text::id(*target)));
            }
            if node.kind == NodeKind::Final {
                self.page.line(depth, &format!("{name} --> [*]"));
            }
            return;
        }
        self.page.line(depth, &format!("{head} {{"));
        for target in node.initial {
            self.page.line(depth + 1, &format!("[*] --> {}", text::id(*target)));
        }
        self.level(Some(id), depth + 1);
        self.page.line(depth, "}");
        self.note(&name, &text::hooks(node), depth);
    }

    /// A state with states inside has no lines of its own.
    fn note(&mut self, name: &str, lines: &[String], depth: usize) {
        if lines.is_empty() {
            return;
        }
        self.page.line(depth, &format!("note right of {name}"));
        for line in lines {
            self.page.line(depth + 1, &quoted(line));
        }
        self.page.line(depth, "end note");
    }

    fn arm(&mut self, place: usize, arm: &ArmDef<'_>) {
        let source = arm.source.map_or("any".to_owned(), text::id);
        let label = quoted(&text::arm(arm));
        let inner = arm.source.is_some_and(|id| !self.definition.kind(id).is_leaf());
        match arm.targets() {
            [] if inner => self.note(&source, &[text::arm(arm)], 1),
            [] => self.page.line(1, &format!("{source} : {label}")),
            [target] => self.page.line(1, &format!("{source} --> {} : {label}", text::id(*target))),
            several => {
                self.page.line(1, &format!("state fork{place} <<fork>>"));
                self.page.line(1, &format!("{source} --> fork{place} : {label}"));
                for target in several {
                    self.page.line(1, &format!("fork{place} --> {}", text::id(*target)));
                }
            }
        }
    }
}

/// Mermaid reads these as its own: they go in as entities.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' | ';' | ':' | '{' | '}' | '<' | '>' | '"' | '%' | '-' | '\\' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}
