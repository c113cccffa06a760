//! Definitions from a few words, in the order of the block but without its punctuation.
//!
//! ```text
//! trigger Pay; internal Retry; event order.paid 2; retired order.note; effect Mail; limit 3 Pay; migrate Old New; claim always ends;
//! version 2; data Basket 2; machine Order; ignore-unhandled; initial A;
//! state A { on Pay if g => B emit X; entry emit Y; after 5m => B; } parallel P { region R { initial C; state C; } }
//! history H C; deep D; final F;
//! ```
//!
//! It is for tests that write correct machines: what is wrong panics.

use crate::{
    ActionDef, ArmDef, ArmId, DataDef, Definition, EffectDef, EventDef, LimitDef, LimitScope, MigrationDef,
    NodeDef, NodeId, NodeKind, On, RetiredDef, TargetDef, TriggerDef, TriggerId, Unhandled,
};

/// The machine that a text describes. It lives as long as the tests.
pub(super) fn machine(text: &str) -> Definition<'static> {
    let mut reader = Reader::default();
    reader.read(leak(text.to_owned()));
    reader.definition()
}

struct Node {
    name: &'static str,
    kind: NodeKind,
    parent: Option<usize>,
    initial: Vec<&'static str>,
    hooks: [Vec<&'static str>; 2],
}

#[derive(Default)]
struct Reader {
    lines: Vec<Vec<&'static str>>,
    nodes: Vec<Node>,
    arms: Vec<(Option<usize>, &'static str)>,
    initial: &'static str,
    around: Vec<usize>,
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn list<T>(items: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(items.into_iter().collect::<Vec<_>>().into_boxed_slice())
}

impl Reader {
    fn read(&mut self, text: &'static str) {
        for statement in text.split_inclusive([';', '{', '}']) {
            let (line, end) = statement.split_at(statement.len() - 1);
            if !line.trim().is_empty() {
                self.statement(line.trim());
            }
            match end {
                "{" => self.around.push(self.nodes.len() - 1),
                "}" => drop(self.around.pop()),
                _ => {}
            }
        }
    }

    fn statement(&mut self, line: &'static str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let kind = match words[0] {
            "state" => NodeKind::Atomic,
            "parallel" => NodeKind::Parallel,
            "region" => NodeKind::Region,
            "final" => NodeKind::Final,
            "history" => NodeKind::History,
            "deep" => NodeKind::DeepHistory,
            "on" | "always" | "done" | "after" | "every" | "ignore" => {
                self.arms.push((self.around.last().copied(), line));
                return;
            }
            word => return self.member(word, words),
        };
        let parent = self.around.last().copied();
        if let Some(around) = parent.map(|at| &mut self.nodes[at]).filter(|n| n.kind == NodeKind::Atomic) {
            around.kind = NodeKind::Compound;
        }
        let (name, initial) = (words[1], words[2..].to_vec());
        self.nodes.push(Node { name, kind, parent, initial, hooks: Default::default() });
    }

    fn member(&mut self, word: &str, words: Vec<&'static str>) {
        let rest = || leak(words[1..].join(" "));
        match (word, self.around.last().copied()) {
            ("initial", None) => self.initial = words[1],
            ("initial", Some(at)) => self.nodes[at].initial = vec![words[1]],
            ("entry", Some(at)) => self.nodes[at].hooks[0].push(rest()),
            ("exit", Some(at)) => self.nodes[at].hooks[1].push(rest()),
            _ => self.lines.push(words),
        }
    }

    fn named(&self, word: &str) -> impl Iterator<Item = &[&'static str]> {
        self.lines.iter().filter(move |line| line[0] == word).map(|line| &line[1..])
    }

    fn one(&self, word: &str) -> Option<&[&'static str]> {
        self.named(word).next()
    }

    fn id(&self, name: &str) -> NodeId {
        let place = self.nodes.iter().position(|node| node.name == name);
        NodeId(place.unwrap_or_else(|| panic!("no state {name}")).try_into().expect("few"))
    }

    fn triggers(&self) -> Vec<TriggerDef<'static>> {
        let all = self.lines.iter().filter(|line| ["trigger", "internal"].contains(&line[0]));
        let trigger =
            |line: &Vec<&'static str>| TriggerDef { name: line[1], doc: "", internal: line[0] == "internal" };
        all.map(trigger).collect()
    }

    /// The triggers whose names stand in a pattern; all for `_`.
    fn matched(&self, pattern: &str) -> &'static [TriggerId] {
        let named = |name: &str| pattern == "_" || pattern.split(['|', ' ', '(']).any(|part| part == name);
        let triggers = self.triggers();
        let found = triggers.iter().zip(0..).filter(|(trigger, _)| named(trigger.name));
        list(found.map(|(_, id)| TriggerId(id)))
    }

    fn actions(&self, text: &'static str) -> &'static [ActionDef<'static>] {
        let action = |text: &'static str| match text.trim().split_once(' ') {
            Some(("emit", what)) => ActionDef::Emit(what),
            Some(("do", what)) => ActionDef::Do(what),
            Some(("raise", what)) => ActionDef::Raise(self.matched(what)[0], what),
            other => panic!("no action: {other:?}"),
        };
        list(text.split(',').filter(|text| !text.trim().is_empty()).map(action))
    }

    fn arm(&self, source: Option<usize>, line: &'static str) -> ArmDef<'static> {
        let source = source.map_or(u16::MAX, |at| at.try_into().expect("few"));
        if let Some(name) = line.strip_prefix("ignore ") {
            let on = On::Trigger { pattern: name, triggers: self.matched(name) };
            return ArmDef::new(source, on, (None, true), TargetDef::Ignore, &[], ("", "", 0));
        }
        let (asked, then) = line.split_once(" => ").expect("an arrow");
        let (asked, guard) = asked.split_once(" if ").map_or((asked, None), |(on, guard)| (on, Some(guard)));
        let (keyword, rest) = asked.split_once(' ').unwrap_or((asked, ""));
        let on = match keyword {
            "on" => On::Trigger { pattern: rest, triggers: self.matched(rest) },
            "always" => On::Always,
            "done" => On::Done,
            "after" => On::After(rest),
            _ => On::Every(rest),
        };
        let end = [" emit ", " do ", " raise "].into_iter().filter_map(|word| then.find(word)).min();
        let (to, actions) = then.split_at(end.unwrap_or(then.len()));
        let target = match to.split_once(' ') {
            Some(("internal", name)) => TargetDef::Internal(self.id(name)),
            Some(("reject", why)) => TargetDef::Reject(why),
            _ if to == "stay" => TargetDef::Stay,
            _ => TargetDef::To(list(to.trim_matches(['(', ')']).split(", ").map(|name| self.id(name)))),
        };
        ArmDef::new(source, on, (guard, guard.is_none()), target, self.actions(actions), ("", "", 0))
    }

    fn own(&self, source: Option<usize>) -> &'static [ArmId] {
        let own = self.arms.iter().zip(0..).filter(|((at, _), _)| *at == source);
        list(own.map(|(_, id)| ArmId(id)))
    }

    fn node(&self, at: usize) -> NodeDef<'static> {
        let node = &self.nodes[at];
        let is_inside =
            |inner: usize| std::iter::successors(Some(inner), |id| self.nodes[*id].parent).any(|id| id == at);
        let last = (at..self.nodes.len()).take_while(|inner| is_inside(*inner)).last().unwrap_or(at);
        let parent = node.parent.map_or(u16::MAX, |at| at.try_into().expect("few"));
        let initial = list(node.initial.iter().map(|name| self.id(name)));
        let hooks = node.hooks.each_ref().map(|actions| self.actions(leak(actions.join(","))));
        let tree = (parent, last.try_into().expect("few"));
        NodeDef::new((node.name, ""), node.kind, tree, (initial, self.own(Some(at))), hooks.into(), ("", 0))
    }

    fn limit(&self, words: &[&str]) -> LimitDef<'static> {
        let count = words[0].parse().expect("a number");
        let triggers = list(words[1..].iter().flat_map(|name| self.matched(name).iter().copied()));
        LimitDef { count, period_ns: 1_000_000_000, burst: count, triggers, scope: LimitScope::Instance }
    }

    fn definition(&self) -> Definition<'static> {
        let number = |words: &[&str], at: usize| words.get(at).map_or(1, |n| n.parse().expect("a number"));
        let data = self.one("data").unwrap_or(&["()"]);
        Definition {
            machine: self.one("machine").map_or("M", |words| words[0]),
            version: self.one("version").map_or(1, |words| number(words, 0)),
            doc: "",
            data: DataDef { type_name: data[0], version: number(data, 1) },
            initial: self.id(self.initial),
            unhandled: if self.one("ignore-unhandled").is_some() {
                Unhandled::Ignore
            } else {
                Unhandled::Reject
            },
            nodes: list((0..self.nodes.len()).map(|at| self.node(at))),
            triggers: list(self.triggers()),
            events: list(
                self.named("event").map(|words| EventDef { name: words[0], version: number(words, 1) }),
            ),
            retired: list(
                self.named("retired")
                    .map(|words| RetiredDef { name: words[0], split: words.get(1).copied() }),
            ),
            effects: list(self.named("effect").map(|words| EffectDef {
                name: words[0],
                doc: "",
                unordered: false,
            })),
            arms: list(self.arms.iter().map(|(source, line)| self.arm(*source, line))),
            own: self.own(None),
            limits: list(self.named("limit").map(|words| self.limit(words))),
            migrations: list(
                self.named("migrate").map(|words| MigrationDef { from: words[0], to: self.id(words[1]) }),
            ),
            proofs: list(self.named("claim").map(|words| leak(words.join(" ")))),
        }
    }
}
