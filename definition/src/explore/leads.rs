//! Where one trigger can lead from one place: a single step, its guards and patterns possible both ways.
//!
//! It looks at no other step.

use super::{Explorer, Place};
use crate::chart::{Configuration, Memory, Selection};
use crate::{Definition, TriggerId, Unhandled};

/// Places within one step that are looked at.
const PLACES_MAX: usize = 128;

/// What one trigger can come to at one place.
#[derive(Clone, Debug, Default)]
pub struct Leads {
    /// Where an instance can rest behind the step, each once.
    pub rests: Vec<Configuration>,
    /// Whether it can be accepted without anything happening.
    pub ignored: bool,
    /// Whether these are all.
    pub complete: bool,
}

impl Definition<'_> {
    /// Where a trigger from outside can lead; `None` for an instance that has not begun and begins with it.
    pub fn leads(&self, from: Option<(&Configuration, &Memory)>, trigger: TriggerId) -> Leads {
        let asked = match from {
            Some((configuration, memory)) => {
                let (configuration, memory) = (configuration.clone(), memory.clone());
                Step { places: vec![Place { configuration, memory, pending: Vec::new() }], complete: true }
            }
            None => self.begun(),
        };
        let mut explorer = Explorer { places_max: PLACES_MAX, ..Explorer::new(self) };
        let mut ignored = false;
        if self.trigger(trigger).is_some_and(|def| !def.internal) {
            for place in asked.places.iter().filter(|place| !place.configuration.is_end(self)) {
                ignored |= explorer.ask_one(place, trigger);
            }
        }
        let reached = explorer.rest();
        let mut rests = Vec::new();
        for Place { configuration, .. } in reached.places {
            if !rests.contains(&configuration) {
                rests.push(configuration);
            }
        }
        Leads { rests, ignored, complete: asked.complete && reached.complete }
    }

    /// Where an instance can rest when it has begun, before it is asked anything.
    fn begun(&self) -> Step {
        let mut explorer = Explorer { places_max: PLACES_MAX, ..Explorer::new(self) };
        let start = explorer.beginning();
        explorer.place(start);
        explorer.rest()
    }
}

/// Places at rest that a step leads to, and whether they are all.
struct Step {
    places: Vec<Place>,
    complete: bool,
}

impl Explorer<'_, '_> {
    /// Adds the places that the first microstep of a trigger leads to. Whether it can be ignored.
    fn ask_one(&mut self, place: &Place, trigger: TriggerId) -> bool {
        let mut ignored = false;
        for selected in self.outcomes(&place.configuration, &|arm| arm.triggers().contains(&trigger)) {
            match self.definition.settle(&place.configuration, &place.memory, &selected) {
                Selection::Refused(_) => {}
                Selection::Nothing => ignored |= self.definition.unhandled == Unhandled::Ignore,
                Selection::Ignored(_) => ignored = true,
                Selection::Taken(arms) => {
                    let step = self.definition.microstep(&place.configuration, &place.memory, &arms);
                    let next = self.after(&step, &arms, &[]);
                    self.place(next);
                }
            }
        }
        ignored
    }

    /// Follows every place that was added until it comes to rest, and asks nothing there.
    fn rest(mut self) -> Step {
        self.asks = false;
        let mut at = 0;
        while let Some(place) = self.graph.places.get(at).cloned() {
            self.graph.rests[at] = self.expand(at, &place);
            at += 1;
        }
        let places = self.graph.places.into_iter().zip(self.graph.rests);
        let places = places.filter(|(_, rests)| *rests).map(|(place, _)| place);
        Step { places: places.collect(), complete: self.graph.complete }
    }
}
