//! Two regions that move together, and claims about them.

use crate::expand::state_machine;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;

const TRIGGERS: usize = 4;

/// Where a trigger leads: to a state of the own region, or out of the parallel state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    To(usize),
    Off,
}

/// By state and trigger.
type Region = Vec<Vec<Option<Way>>>;

#[derive(Clone, Debug)]
struct Pair {
    left: Region,
    right: Region,
    claims: Vec<Claim>,
}

/// Names are numbered: the states of the left region, those of the right one, and `Off`.
#[derive(Clone, Copy, Debug)]
enum Claim {
    Requires(usize, usize),
    Never(usize, usize),
    Reaches(usize, usize),
    AlwaysEnds,
}

/// Both regions' states; `None`: it is off.
type Place = Option<(usize, usize)>;

fn region() -> impl Strategy<Value = Region> {
    (1..4_usize).prop_flat_map(|count| {
        let way = prop_oneof![6 => (0..count).prop_map(Way::To), 1 => Just(Way::Off)];
        let state = proptest::collection::vec(proptest::option::weighted(0.4, way), TRIGGERS);
        proptest::collection::vec(state, count)
    })
}

fn pair() -> impl Strategy<Value = Pair> {
    (region(), region()).prop_flat_map(|(left, right)| {
        let names = left.len() + right.len() + 1;
        let two = (0..names, 0..names);
        let claim = prop_oneof![
            two.clone().prop_map(|(a, b)| Claim::Requires(a, b)),
            two.clone().prop_map(|(a, b)| Claim::Never(a, b)),
            two.prop_map(|(a, b)| Claim::Reaches(a, b)),
            Just(Claim::AlwaysEnds),
        ];
        let claims = proptest::collection::vec(claim, 0..4);
        claims.prop_map(move |claims| Pair { left: left.clone(), right: right.clone(), claims })
    })
}

impl Pair {
    fn name(&self, name: usize) -> String {
        match name.checked_sub(self.left.len()) {
            None => format!("L{name}"),
            Some(right) if right < self.right.len() => format!("R{right}"),
            Some(_) => "Off".to_owned(),
        }
    }

    fn claim(&self, claim: Claim) -> String {
        match claim {
            Claim::Requires(a, b) => format!("{} requires {}", self.name(a), self.name(b)),
            Claim::Never(a, b) => format!("never {} ~> {}", self.name(a), self.name(b)),
            Claim::Reaches(a, b) => format!("{} reaches {}", self.name(a), self.name(b)),
            Claim::AlwaysEnds => "always ends".to_owned(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "#[allow(unused_trigger, dead_end, conflicting_regions)] machine M { triggers { T0, T1, T2, T3 } initial P; parallel P {\n",
        );
        for (side, region) in [("L", &self.left), ("R", &self.right)] {
            write!(text, "region {side} {{ initial {side}0; ").expect("memory");
            for (state, ways) in region.iter().enumerate() {
                write!(text, "state {side}{state} {{ ").expect("memory");
                for (trigger, way) in ways.iter().enumerate() {
                    match way {
                        Some(Way::To(to)) => write!(text, "on T{trigger} => {side}{to}; ").expect("memory"),
                        Some(Way::Off) => write!(text, "on T{trigger} => Off; ").expect("memory"),
                        None => {}
                    }
                }
                text.push_str("} ");
            }
            text.push_str("}\n");
        }
        text.push_str("} final Off; prove {\n");
        for claim in &self.claims {
            writeln!(text, "{};", self.claim(*claim)).expect("memory");
        }
        text + "} }"
    }

    fn is_in(&self, place: Place, name: usize) -> bool {
        let (left, right) = (self.left.len(), self.right.len());
        match place {
            Some((l, r)) => name == l || name == left + r,
            None => name == left + right,
        }
    }

    /// Both regions answer at once. Of two arms of which one leaves the parallel state, the left one's is taken.
    fn next(&self, place: Place, trigger: usize) -> Option<Place> {
        let (l, r) = place?;
        match (self.left[l][trigger], self.right[r][trigger]) {
            (None, None) => None,
            (Some(Way::Off), _) | (None, Some(Way::Off)) => Some(None),
            (Some(Way::To(to)), Some(Way::Off) | None) => Some(Some((to, r))),
            (None, Some(Way::To(to))) => Some(Some((l, to))),
            (Some(Way::To(left)), Some(Way::To(right))) => Some(Some((left, right))),
        }
    }

    /// Every place that runs from here get to over places that are let through, this one included.
    fn reach(&self, from: Place, through: impl Fn(Place) -> bool) -> BTreeSet<Place> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Place> = Some(from).filter(|from| through(*from)).into_iter().collect();
        while let Some(place) = open.pop() {
            if found.insert(place) {
                let next = (0..TRIGGERS).filter_map(|trigger| self.next(place, trigger));
                open.extend(next.filter(|next| through(*next)));
            }
        }
        found
    }

    fn gets_to(&self, from: Place, name: usize) -> bool {
        self.reach(from, |_| true).iter().any(|place| self.is_in(*place, name))
    }

    fn holds(&self, claim: Claim) -> bool {
        let start = Some((0, 0));
        let reached = self.reach(start, |_| true);
        let off = self.left.len() + self.right.len();
        match claim {
            Claim::Requires(goal, first) => {
                let without = self.reach(start, |place| !self.is_in(place, first));
                !without.iter().any(|place| self.is_in(*place, goal))
            }
            Claim::Never(from, to) => {
                !reached.iter().filter(|place| self.is_in(**place, from)).any(|place| {
                    let next = (0..TRIGGERS).filter_map(|trigger| self.next(*place, trigger));
                    next.into_iter().any(|next| self.gets_to(next, to))
                })
            }
            Claim::Reaches(from, to) => {
                reached.iter().filter(|place| self.is_in(**place, from)).all(|place| self.gets_to(*place, to))
            }
            Claim::AlwaysEnds => reached.iter().all(|place| self.gets_to(*place, off)),
        }
    }

    /// The configurations that reach each other and nothing else, though the machine can end.
    fn is_trapped(&self) -> bool {
        let off = self.left.len() + self.right.len();
        let start = Some((0, 0));
        let caught = |place: &Place| {
            let group = self.reach(*place, |_| true);
            group.len() > 1 && group.iter().all(|other| self.reach(*other, |_| true) == group)
        };
        self.gets_to(start, off)
            && self.reach(start, |_| true).iter().any(|place| !self.gets_to(*place, off) && caught(place))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_about_runs_are_brute_force(pair in pair()) {
        let out = state_machine(pair.text().parse().expect("tokens")).to_string();
        let reached = pair.reach(Some((0, 0)), |_| true);
        for name in 0..=pair.left.len() + pair.right.len() {
            let lost = out.contains(&format!("\"no run reaches `{}`", pair.name(name)));
            let found = reached.iter().any(|place| pair.is_in(*place, name));
            prop_assert_eq!(lost, !found, "{} of {}", pair.name(name), pair.text());
        }
        for claim in &pair.claims {
            let broken = out.contains(&format!("`{}` does not hold", pair.claim(*claim)));
            prop_assert_eq!(broken, !pair.holds(*claim), "{} of {}", pair.claim(*claim), pair.text());
        }
        prop_assert_eq!(out.contains("no final state can be reached: "), pair.is_trapped(), "{}", pair.text());
    }
}
