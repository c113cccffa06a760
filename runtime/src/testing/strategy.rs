//! Random sequences of triggers, for property tests.

use crate::definition::TriggerId;
use crate::machine::{Machine, MachineTrigger};
use proptest::collection::SizeRange;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Sequences of the triggers that carry no payload. A machine without such triggers has the empty sequence alone.
pub fn sequences<M: Machine>(length: impl Into<SizeRange>) -> BoxedStrategy<Vec<M::Trigger>> {
    sequences_of::<M>(length, |_| None)
}

/// Sequences of all triggers: `payload` says, by name, how those that carry one are made. `None` leaves one out; what
/// can only be raised is left out anyway.
pub fn sequences_of<M: Machine>(
    length: impl Into<SizeRange>,
    payload: impl Fn(&str) -> Option<BoxedStrategy<M::Trigger>>,
) -> BoxedStrategy<Vec<M::Trigger>> {
    let triggers = (0..).map(TriggerId).zip(M::DEFINITION.triggers).filter(|(_, def)| !def.internal);
    let each: Vec<BoxedStrategy<M::Trigger>> = triggers
        .filter_map(|(id, def)| {
            payload(def.name).or_else(|| M::Trigger::bare(id).map(|trigger| Just(trigger).boxed()))
        })
        .collect();
    if each.is_empty() {
        return Just(Vec::new()).boxed();
    }
    proptest::collection::vec(Union::new(each), length).boxed()
}
