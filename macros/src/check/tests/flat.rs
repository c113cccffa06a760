//! Flat machines: what is reached, what is stuck, what is caught.

use crate::expand::state_machine;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A flat machine: `ways[s]` lists where the arms of state `s` lead; a state without a list is final.
#[derive(Clone, Debug)]
struct Flat(Vec<Option<BTreeSet<usize>>>);

fn flat() -> impl Strategy<Value = Flat> {
    (2..7_usize).prop_flat_map(|count| {
        let ways = proptest::option::weighted(0.8, proptest::collection::btree_set(0..count, 0..4));
        proptest::collection::vec(ways, count).prop_map(Flat)
    })
}

impl Flat {
    fn text(&self) -> String {
        let mut text = String::from(
            "#[allow(unused_trigger)] machine M { triggers { T0, T1, T2, T3, T4, T5, T6 } initial S0;",
        );
        for (state, ways) in self.0.iter().enumerate() {
            let Some(ways) = ways else {
                write!(text, "final S{state};").expect("memory");
                continue;
            };
            write!(text, "state S{state} {{").expect("memory");
            for to in ways {
                write!(text, "on T{to} => S{to};").expect("memory");
            }
            text.push('}');
        }
        text + "}"
    }

    /// Every state that some path of at most as many steps as there are states leads to.
    fn reach(&self, from: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([from]);
        for _ in 0..self.0.len() {
            let next: Vec<_> =
                found.iter().filter_map(|state| self.0[*state].as_ref()).flatten().copied().collect();
            found.extend(next);
        }
        found
    }

    fn is_stuck(&self, state: usize) -> bool {
        self.0[state].as_ref().is_some_and(|ways| ways.iter().all(|to| *to == state))
    }

    fn ends(&self, state: usize) -> bool {
        self.reach(state).iter().any(|to| self.0[*to].is_none())
    }

    /// Groups of two or more states that reach each other and nothing else, though the machine can end.
    fn is_trapped(&self, state: usize) -> bool {
        let group = self.reach(state);
        let closed = group.iter().all(|other| self.reach(*other) == group);
        closed && group.len() > 1 && self.reach(0).contains(&state) && self.ends(0) && !self.ends(state)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn graph_rules_are_brute_force(machine in flat()) {
        let out = state_machine(machine.text().parse().expect("tokens")).to_string();
        let reached = machine.reach(0);
        for state in 0..machine.0.len() {
            let lost = out.contains(&format!("no run reaches `S{state}`"));
            prop_assert_eq!(lost, !reached.contains(&state), "S{} of {}", state, machine.text());
            let stuck = out.contains(&format!("nothing leaves `S{state}`"));
            prop_assert_eq!(stuck, machine.is_stuck(state), "S{} of {}", state, machine.text());
            let trapped = machine.is_trapped(state) && machine.reach(state).first() == Some(&state);
            let said = out.contains(&format!("from `S{state}` no final state"));
            prop_assert_eq!(said, trapped, "S{} of {}", state, machine.text());
        }
    }
}
