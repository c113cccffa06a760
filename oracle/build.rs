//! Writes random machines as source. `STATEWRIGHT_ORACLE_SEED` chooses others, `STATEWRIGHT_ORACLE_MACHINES` more.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

/// The machines that every build is held against.
const SEED: u64 = 20_260_501;

/// How many.
const MACHINES: u64 = 96;

/// Triggers that can be fired; the ones behind them can only be raised.
const FIRED: [&str; 4] = ["T0", "T1", "T2", "P"];
const RAISED: [&str; 2] = ["R0", "R1"];

fn main() {
    let number = |name: &str, otherwise: u64| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let seed = number("STATEWRIGHT_ORACLE_SEED", SEED);
    let count = number("STATEWRIGHT_ORACLE_MACHINES", MACHINES);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=ORACLE_SEED={seed}");
    let mut out = String::from("use statewright_oracle::{Did, World};\n");
    let mut each = String::new();
    for place in 0..count {
        let random = fastrand::Rng::with_seed(seed.wrapping_add(place));
        out.push_str(&Machine::random(place, random).text());
        writeln!(each, "    run.machine::<M{place}>(trigger_{place});").expect("memory");
    }
    writeln!(out, "pub fn each(run: &mut impl Run) {{\n{each}}}").expect("memory");
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(folder.join("machines.rs"), out).expect("the folder is cargo's");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    State,
    Parallel,
    Region,
    Final,
    History,
    DeepHistory,
}

struct Node {
    kind: Kind,
    parent: Option<usize>,
    children: Vec<usize>,
}

struct Machine {
    place: u64,
    random: fastrand::Rng,
    nodes: Vec<Node>,
    done: u32,
    out: String,
}

impl Machine {
    fn random(place: u64, mut random: fastrand::Rng) -> Self {
        let budget = random.usize(3..16);
        let mut machine = Self { place, random, nodes: Vec::new(), done: 0, out: String::new() };
        machine.grow(None, 0, budget.max(2));
        machine
    }

    /// Adds children to a node, or to the machine itself.
    fn grow(&mut self, parent: Option<usize>, depth: usize, budget: usize) {
        let mut states = 0;
        let wanted = self.random.usize(2..=4.min(budget.max(2)));
        while states < wanted {
            let roll = self.random.u8(0..100);
            let deep = depth < 4 && self.nodes.len() < 22;
            let kind = if roll < 12 && states > 0 {
                Kind::Final
            } else if roll < 30 && deep {
                Kind::Parallel
            } else {
                Kind::State
            };
            let node = self.add(kind, parent);
            states += 1;
            match kind {
                Kind::Parallel => self.grow_regions(node, depth),
                Kind::State if deep && self.random.u8(0..100) < 35 => {
                    self.grow(Some(node), depth + 1, budget / 2);
                }
                _ => {}
            }
        }
        self.maybe_history(parent);
    }

    fn grow_regions(&mut self, parallel: usize, depth: usize) {
        for _ in 0..self.random.usize(2..=3) {
            let region = self.add(Kind::Region, Some(parallel));
            self.grow(Some(region), depth + 2, 3);
        }
        self.maybe_history(Some(parallel));
    }

    fn maybe_history(&mut self, parent: Option<usize>) {
        if parent.is_some() && self.random.u8(0..100) < 40 {
            let kind = if self.random.bool() { Kind::History } else { Kind::DeepHistory };
            self.add(kind, parent);
        }
    }

    fn add(&mut self, kind: Kind, parent: Option<usize>) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { kind, parent, children: Vec::new() });
        if let Some(parent) = parent {
            self.nodes[parent].children.push(node);
        }
        node
    }

    fn is_history(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, Kind::History | Kind::DeepHistory)
    }

    fn is_within(&self, inner: usize, outer: usize) -> bool {
        let mut at = Some(inner);
        while let Some(node) = at {
            if node == outer {
                return true;
            }
            at = self.nodes[node].parent;
        }
        false
    }

    /// Descendants of a node, or every node; histories only if asked for.
    fn inside(&self, of: Option<usize>, histories: bool) -> Vec<usize> {
        let inside = |node: &usize| of.is_none_or(|of| *node != of && self.is_within(*node, of));
        (0..self.nodes.len()).filter(inside).filter(|node| histories || !self.is_history(*node)).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }

    fn text(mut self) -> String {
        let place = self.place;
        let allowed = "unused_trigger, unused_event, unreachable_state, dead_end, no_way_out, shadowed_arm, conflicting_regions, transient_timer";
        writeln!(
            self.out,
            "statewright::state_machine! {{ #[allow({allowed})] pub machine M{place} {{ data World;"
        )
        .expect("memory");
        self.out.push_str(
            "triggers { T0, T1, T2, P { n: u8 }, #[internal] R0, #[internal] R1 { n: u8 } } events { Did }\n",
        );
        if self.random.u8(0..4) == 0 {
            self.out.push_str("unhandled ignore;\n");
        }
        let initial = self.inside(None, false);
        let initial = self.pick(&initial);
        writeln!(self.out, "initial S{initial};").expect("memory");
        let roots: Vec<_> = (0..self.nodes.len()).filter(|node| self.nodes[*node].parent.is_none()).collect();
        self.arms(None, 2);
        for root in roots {
            self.node(root);
        }
        self.out.push_str("} }\n");
        let name = format!("M{place}");
        writeln!(
            self.out,
            "fn trigger_{place}(id: u16, n: u8) -> {name}Trigger {{ match id {{ 0 => {name}Trigger::T0, 1 => {name}Trigger::T1, 2 => {name}Trigger::T2, 3 => {name}Trigger::P {{ n }}, 4 => {name}Trigger::R0, _ => {name}Trigger::R1 {{ n }} }} }}"
        )
        .expect("memory");
        self.out
    }

    fn node(&mut self, node: usize) {
        let kind = self.nodes[node].kind;
        let word = match kind {
            Kind::State => "state",
            Kind::Parallel => "parallel",
            Kind::Region => "region",
            Kind::Final => "final",
            Kind::History => "history",
            Kind::DeepHistory => "deep history",
        };
        write!(self.out, "{word} S{node}").expect("memory");
        match kind {
            Kind::History | Kind::DeepHistory => self.history(node),
            Kind::Final => {
                self.out.push_str(" {");
                self.hook("entry");
                self.out.push_str("}\n");
            }
            _ => self.body(node),
        }
    }

    fn history(&mut self, node: usize) {
        let parent = self.nodes[node].parent;
        if self.random.bool() {
            let targets = self.inside(parent, false);
            let target = self.pick(&targets);
            write!(self.out, " => S{target}").expect("memory");
        }
        self.out.push_str(";\n");
    }

    fn body(&mut self, node: usize) {
        self.out.push_str(" {\n");
        let children = self.nodes[node].children.clone();
        if self.nodes[node].kind != Kind::Parallel && !children.is_empty() {
            let targets = self.inside(Some(node), false);
            let target = self.pick(&targets);
            writeln!(self.out, "initial S{target};").expect("memory");
        }
        self.hook("entry");
        self.hook("exit");
        let arms = self.random.usize(0..5);
        self.arms(Some(node), arms);
        for child in children {
            self.node(child);
        }
        self.out.push_str("}\n");
    }

    fn hook(&mut self, word: &str) {
        if self.random.u8(0..100) < 60 {
            let mut actions = vec![self.emit(false)];
            if self.random.u8(0..100) < 15 {
                actions.push(self.raise(1));
            }
            writeln!(self.out, "{word} {};", actions.join(", ")).expect("memory");
        }
    }

    fn emit(&mut self, payload: bool) -> String {
        self.done += 1;
        let payload = if payload { " + u32::from(n)" } else { "" };
        format!("emit Did::at({}{payload}, state)", self.done)
    }

    /// Raised triggers raise only those behind them, so that none goes round without a guard.
    fn raise(&mut self, from: usize) -> String {
        match self.random.usize(from..RAISED.len()) {
            0 => "raise R0".to_owned(),
            _ => format!("raise R1 {{ n: {} }}", self.random.u8(0..8)),
        }
    }

    fn guard(&mut self, payload: bool) -> String {
        let not = if self.random.bool() { "!" } else { "" };
        match self.random.u8(0..10) {
            0 | 1 if payload => format!("n < {}", self.random.u8(0..9)),
            2 | 3 => {
                let nodes = self.inside(None, false);
                let node = self.pick(&nodes);
                format!("{not}state.is_in(M{}Node::S{node})", self.place)
            }
            _ => format!("{not}data.is({})", self.random.u32(0..(self.done + 2).min(24))),
        }
    }

    fn arms(&mut self, source: Option<usize>, count: usize) {
        let compound = source.is_some_and(|node| !self.nodes[node].children.is_empty());
        let mut answered: Vec<&str> = Vec::new();
        for _ in 0..count {
            match self.random.u8(0..100) {
                0..12 => self.internal_arm(source, "always", true),
                12..24 if compound => {
                    let guarded = self.random.u8(0..4) > 0;
                    self.internal_arm(source, "done", guarded || answered.contains(&"done"));
                    if !guarded {
                        answered.push("done");
                    }
                }
                24..34 => {
                    let timer = if self.random.bool() { "after" } else { "every" };
                    let timer = format!("{timer} {}s", self.random.u8(1..9));
                    let guarded = self.random.bool();
                    self.internal_arm(source, &timer, guarded);
                }
                _ => self.trigger_arm(source, &mut answered),
            }
        }
    }

    /// An arm that answers no trigger. Unguarded ones stay where they are, so that they do not go round for ever.
    fn internal_arm(&mut self, source: Option<usize>, on: &str, guarded: bool) {
        let guard = match guarded {
            // Bits begin unset: most `always` arms wait for something, so that most steps come to rest.
            true if on == "always" => format!(" if data.is({})", self.random.u32(0..(self.done + 2).min(24))),
            true => format!(" if {}", self.guard(false)),
            false => String::new(),
        };
        let target = if guarded || !on.starts_with("done") { self.target(source) } else { "stay".to_owned() };
        let emit = self.emit(false);
        writeln!(self.out, "{on}{guard} => {target} {emit};").expect("memory");
    }

    fn trigger_arm(&mut self, source: Option<usize>, answered: &mut Vec<&str>) {
        let names: Vec<&'static str> = FIRED.iter().chain(&RAISED).copied().collect();
        let name = self.pick(&names);
        let payload = matches!(name, "P" | "R1");
        let guarded = answered.contains(&name) || self.random.u8(0..100) < 45;
        if self.random.u8(0..12) == 0 && !guarded {
            writeln!(self.out, "ignore {name};").expect("memory");
            answered.push(name);
            return;
        }
        let wild = !guarded && self.random.u8(0..15) == 0 && answered.is_empty();
        let either = !wild
            && !payload
            && !guarded
            && !answered.contains(&"T2")
            && self.random.u8(0..8) == 0
            && name != "T2";
        let pattern = match (wild, either, payload) {
            (true, ..) => "_".to_owned(),
            (_, true, _) => format!("{name} | T2"),
            (_, _, true) => format!("{name} {{ n }}"),
            _ => name.to_owned(),
        };
        let guard = if guarded { format!(" if {}", self.guard(payload)) } else { String::new() };
        if !guarded {
            answered.push(name);
            if either {
                answered.push("T2");
            }
            if wild {
                answered.extend(names);
            }
        }
        if self.random.u8(0..12) == 0 {
            writeln!(self.out, "on {pattern}{guard} => reject \"no\";").expect("memory");
            return;
        }
        // What hooks raise is answered without a guard only where nothing is left: so nothing goes round for ever.
        let target = if !guarded && (wild || name == "R1") { "stay".to_owned() } else { self.target(source) };
        let payload = payload && !wild && self.random.bool();
        let emit = self.emit(payload);
        let from = match name {
            "R1" => RAISED.len(),
            "R0" => 1,
            _ => 0,
        };
        let raise = if !wild && from < RAISED.len() && self.random.u8(0..100) < 25 {
            self.raise(from)
        } else {
            String::new()
        };
        writeln!(self.out, "on {pattern}{guard} => {target} {emit} {raise};").expect("memory");
    }

    fn target(&mut self, source: Option<usize>) -> String {
        let roll = self.random.u8(0..100);
        if roll < 12 {
            return "stay".to_owned();
        }
        let compound = source.is_some_and(|node| {
            matches!(self.nodes[node].kind, Kind::State | Kind::Region)
                && !self.nodes[node].children.is_empty()
        });
        if roll < 35 && compound {
            let inside = self.inside(source, true);
            let target = self.pick(&inside);
            return format!("internal S{target}");
        }
        if roll < 45
            && let Some(several) = self.several()
        {
            return several;
        }
        let all = self.inside(None, true);
        format!("S{}", self.pick(&all))
    }

    /// One target in each of two regions.
    fn several(&mut self) -> Option<String> {
        let parallels: Vec<_> =
            (0..self.nodes.len()).filter(|node| self.nodes[*node].kind == Kind::Parallel).collect();
        if parallels.is_empty() {
            return None;
        }
        let parallel = self.pick(&parallels);
        let children = self.nodes[parallel].children.clone();
        let regions: Vec<_> = children.into_iter().filter(|node| !self.is_history(*node)).collect();
        let mut targets = Vec::new();
        for region in regions.iter().take(2) {
            let inside = self.inside(Some(*region), true);
            targets.push(format!("S{}", self.pick(&inside)));
        }
        Some(format!("({})", targets.join(", ")))
    }
}
