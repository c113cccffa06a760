//! A document of W3C SCXML. What SCXML has no word for stands in the namespace `sw`: the language's own guards and
//! actions are Rust, and `reject` and `ignore` are ours.

use crate::text::{self, Page};
use crate::{ActionDef, ArmDef, ArmId, Definition, NodeDef, NodeId, NodeKind, On, TargetDef, TriggerId};

const NAMESPACE: &str = "https://statewright.dev/scxml";

pub(super) fn write(definition: &Definition<'_>) -> String {
    let mut document = Document { definition, page: Page::new("  ") };
    document.page.line(0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    let (name, initial) = (text::xml(definition.machine), text::xml(definition.name(definition.initial)));
    document.page.line(
        0,
        &format!("<scxml xmlns=\"http://www.w3.org/2005/07/scxml\" xmlns:sw=\"{NAMESPACE}\" version=\"1.0\" datamodel=\"null\" name=\"{name}\" initial=\"{initial}\">"),
    );
    // The root has no transitions in SCXML; these are asked last in every state.
    if !definition.own.is_empty() {
        document.page.line(1, "<sw:machine>");
        document.arms(None, 2);
        document.page.line(1, "</sw:machine>");
    }
    document.level(None, 1);
    document.page.line(0, "</scxml>");
    document.page.out
}

struct Document<'d, 'a> {
    definition: &'d Definition<'a>,
    page: Page,
}

impl Document<'_, '_> {
    fn level(&mut self, parent: Option<NodeId>, depth: usize) {
        for (id, node, _) in text::level(self.definition, parent) {
            self.node(id, node, depth);
        }
    }

    fn node(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        let tag = match node.kind {
            NodeKind::Parallel => "parallel",
            NodeKind::Final => "final",
            NodeKind::History | NodeKind::DeepHistory => "history",
            _ => "state",
        };
        let kind = match node.kind {
            NodeKind::History => " type=\"shallow\"",
            NodeKind::DeepHistory => " type=\"deep\"",
            _ => "",
        };
        self.page.line(depth, &format!("<{tag} id=\"{}\"{kind}>", text::xml(node.name)));
        self.begin(id, node, depth + 1);
        if !node.kind.is_history() {
            self.hook("onentry", node.entry, id, depth + 1);
            self.hook("onexit", node.exit, id, depth + 1);
        }
        self.arms(Some(id), depth + 1);
        self.level(Some(id), depth + 1);
        self.page.line(depth, &format!("</{tag}>"));
    }

    fn begin(&mut self, id: NodeId, node: &NodeDef<'_>, depth: usize) {
        let around = node.parent.and_then(|parent| self.definition.node(parent));
        let default = around.filter(|_| node.kind.is_history() && node.initial.is_empty());
        let targets: Vec<NodeId> = match default {
            Some(around) if around.kind == NodeKind::Parallel => {
                node.parent.into_iter().flat_map(|parent| self.definition.regions(parent)).collect()
            }
            Some(around) => around.initial.to_vec(),
            None => node.initial.to_vec(),
        };
        if targets.is_empty() {
            return;
        }
        let transition = format!("<transition target=\"{}\"/>", self.names(&targets));
        if self.definition.kind(id).is_history() {
            self.page.line(depth, &transition);
        } else {
            self.page.line(depth, &format!("<initial>{transition}</initial>"));
        }
    }

    /// Actions, and the timers that are set on entry and cleared on exit.
    fn hook(&mut self, tag: &str, actions: &[ActionDef<'_>], of: NodeId, depth: usize) {
        let timers: Vec<_> = self.definition.timers_of(Some(of)).collect();
        if actions.is_empty() && timers.is_empty() {
            return;
        }
        self.page.line(depth, &format!("<{tag}>"));
        self.actions(actions, depth + 1);
        for timer in timers {
            self.timer(timer, tag == "onentry", depth + 1);
        }
        self.page.line(depth, &format!("</{tag}>"));
    }

    fn timer(&mut self, timer: ArmId, set: bool, depth: usize) {
        let name = text::xml(&self.definition.timer_name(timer));
        let Some(On::After(span) | On::Every(span)) = self.definition.arm(timer).map(|arm| arm.on) else {
            return;
        };
        if set {
            let delay = text::xml(&text::folded(span));
            self.page.line(depth, &format!("<send event=\"timer.{name}\" id=\"{name}\" delay=\"{delay}\"/>"));
        } else {
            self.page.line(depth, &format!("<cancel sendid=\"{name}\"/>"));
        }
    }

    fn actions(&mut self, actions: &[ActionDef<'_>], depth: usize) {
        for action in actions {
            let line = match action {
                ActionDef::Emit(what) => format!("<sw:emit event=\"{}\"/>", text::xml(what)),
                ActionDef::Do(what) => format!("<sw:do effect=\"{}\"/>", text::xml(what)),
                ActionDef::Raise(trigger, what) => {
                    format!(
                        "<raise event=\"{}\" sw:with=\"{}\"/>",
                        self.triggers(&[*trigger]),
                        text::xml(what)
                    )
                }
            };
            self.page.line(depth, &line);
        }
    }

    fn arms(&mut self, source: Option<NodeId>, depth: usize) {
        let arms: Vec<_> = self.definition.own_arms(source).to_vec();
        for id in arms {
            if let Some(arm) = self.definition.arm(id) {
                self.arm(id, arm, depth);
            }
        }
    }

    fn arm(&mut self, id: ArmId, arm: &ArmDef<'_>, depth: usize) {
        let event = match arm.on {
            On::Trigger { pattern, triggers } => {
                format!(
                    " event=\"{}\" sw:pattern=\"{}\"",
                    self.triggers(triggers),
                    text::xml(&text::folded(pattern))
                )
            }
            On::Always => String::new(),
            On::Done => format!(" event=\"done.state.{}\"", text::xml(self.source(arm))),
            On::After(_) => format!(" event=\"timer.{}\"", text::xml(&self.definition.timer_name(id))),
            On::Every(span) => format!(
                " event=\"timer.{}\" sw:every=\"{}\"",
                text::xml(&self.definition.timer_name(id)),
                text::xml(span)
            ),
        };
        let guard = arm.guard.map(|guard| format!(" cond=\"{}\"", text::xml(&text::folded(guard))));
        let (target, inside) = match arm.target {
            TargetDef::To(targets) => (format!(" target=\"{}\"", self.names(targets)), None),
            TargetDef::Internal(target) => {
                (format!(" type=\"internal\" target=\"{}\"", self.names(&[target])), None)
            }
            TargetDef::Stay => (String::new(), None),
            TargetDef::Reject(why) => {
                (String::new(), Some(format!("<sw:reject reason=\"{}\"/>", text::xml(&text::folded(why)))))
            }
            TargetDef::Ignore => (String::new(), Some("<sw:ignore/>".to_owned())),
        };
        let head = format!("<transition{event}{}{target}", guard.unwrap_or_default());
        if arm.actions.is_empty() && inside.is_none() {
            self.page.line(depth, &format!("{head}/>"));
            return;
        }
        self.page.line(depth, &format!("{head}>"));
        self.actions(arm.actions, depth + 1);
        if let Some(inside) = inside {
            self.page.line(depth + 1, &inside);
        }
        self.page.line(depth, "</transition>");
    }

    fn source(&self, arm: &ArmDef<'_>) -> &str {
        arm.source.map_or(self.definition.machine, |id| self.definition.name(id))
    }

    fn names(&self, nodes: &[NodeId]) -> String {
        let names: Vec<_> = nodes.iter().map(|id| self.definition.name(*id)).collect();
        text::xml(&names.join(" "))
    }

    fn triggers(&self, triggers: &[TriggerId]) -> String {
        let names = triggers.iter().filter_map(|id| self.definition.trigger(*id)).map(|t| t.name);
        text::xml(&names.collect::<Vec<_>>().join(" "))
    }
}
