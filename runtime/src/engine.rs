//! Steps of machines with regions and histories, and what a step does by itself: `always`, `done`, raised triggers,
//! timers. The order of work is that of W3C SCXML, Appendix D; what is left and entered says
//! [`chart`](crate::definition::chart).
//!
//! A flat machine decides its triggers in generated code and comes here only for the rest.

use crate::definition::chart::{Arms, Configuration, Nodes, Selection};
use crate::definition::{ArmId, NodeId, NodeKind, On};
use crate::explain::Asked;
use crate::machine::{Decision, Machine, MachineState, MachineTrigger};
use crate::stepper::{Failure, Pass, Pending, Stepper};
use smallvec::SmallVec;

/// Microsteps of one step. More means that it does not come to rest.
pub(crate) const MICROSTEPS_MAX: u32 = 64;

/// Decides a trigger in a machine with regions or histories: each leaf selects, innermost first; what was selected is
/// settled and taken.
pub fn decide<M: Machine, P: Pass<M>>(trigger: M::Trigger, step: &mut P) -> Decision {
    let definition = M::DEFINITION;
    let from = Configuration::of(definition, step.state().leaves());
    let mut asked: SmallVec<[(Option<NodeId>, Option<ArmId>); 12]> = SmallVec::new();
    let (mut trigger, mut selected) = (trigger, Arms::new());
    for leaf in step.state().leaves() {
        for source in definition.lineage(leaf).map(Some).chain([None]) {
            if definition.own_arms(source).is_empty() {
                continue;
            }
            let known = asked.iter().find(|(known, _)| *known == source).map(|(_, arm)| *arm);
            let arm = if let Some(arm) = known {
                arm
            } else {
                let picked = M::pick(source, trigger, step);
                trigger = picked.0;
                asked.push((source, picked.1));
                picked.1
            };
            if let Some(arm) = arm {
                if !selected.contains(&arm) {
                    selected.push(arm);
                }
                break;
            }
        }
    }
    let settled = definition.settle(&from, step.memory(), &selected);
    if !P::ACTS || !matches!(settled, Selection::Taken(_)) {
        step.select(&selected);
    }
    match settled {
        Selection::Nothing => Decision::NotHandled,
        Selection::Ignored(arm) => Decision::Ignored(Some(arm)),
        Selection::Refused(arm) => {
            let reason = M::refuse(arm, trigger, step);
            step.refuse(reason);
            Decision::Refused(arm)
        }
        Selection::Taken(arms) => {
            let first = arms.first().copied().unwrap_or(ArmId(0));
            step.take(arms, trigger);
            Decision::Took(first)
        }
    }
}

/// Decides a trigger, and notes the arms that take it.
#[inline]
pub(crate) fn fire<M: Machine>(trigger: M::Trigger, step: &mut Stepper<'_, M>) -> Decision {
    let before = step.arms.len();
    let decision = M::decide(trigger, step);
    if let Decision::Took(arm) = decision
        && step.arms.len() == before
    {
        // Generated code has taken it: there was no microstep of ours.
        step.arms.push(arm);
    }
    decision
}

/// Enters the initial configuration.
pub(crate) fn begin<M: Machine>(step: &mut Stepper<'_, M>) {
    M::wind(step);
    let entries = M::DEFINITION.beginning(step.memory());
    enter(step, &entries);
}

/// Takes arms together: exits, actions, the new state, entries.
pub(crate) fn microstep<M: Machine>(step: &mut Stepper<'_, M>, arms: &[ArmId], trigger: Option<M::Trigger>) {
    let definition = M::DEFINITION;
    step.arms.extend_from_slice(arms);
    let from = Configuration::of(definition, step.state.leaves());
    let way = definition.microstep(&from, step.memory(), arms);
    for node in &way.exits {
        M::exit(*node, step);
    }
    let mut trigger = trigger;
    for (place, arm) in arms.iter().enumerate() {
        let last = place + 1 == arms.len();
        let trigger = if last { trigger.take() } else { trigger.clone() };
        M::act(*arm, trigger, step);
    }
    if way.memory != *step.memory() {
        step.ledger_mut().memory = way.memory;
    }
    let leaves: Nodes = way.to.leaves(definition).collect();
    if let Some(state) = M::State::of(&leaves) {
        step.enter(state);
    }
    enter(step, &way.entries);
}

/// Runs entry actions, and notes what has come to its end.
fn enter<M: Machine>(step: &mut Stepper<'_, M>, entries: &[NodeId]) {
    let definition = M::DEFINITION;
    for (place, node) in entries.iter().enumerate() {
        M::enter(*node, step);
        if !M::RUNS_ON || definition.kind(*node) != NodeKind::Final {
            continue;
        }
        let later = entries.get(place + 1..).unwrap_or_default();
        let leaves = step.state.leaves();
        let active: Nodes = leaves.into_iter().filter(|leaf| !later.contains(leaf)).collect();
        let (around, parallel) = definition.done_by(*node, &active);
        for done in around.into_iter().chain(parallel).filter(|id| definition.answers_done(*id)) {
            step.done(done);
        }
    }
}

/// Goes on until nothing applies: `always` arms before all else, then what has waited longest.
pub(crate) fn settle<M: Machine>(step: &mut Stepper<'_, M>) -> Result<(), Failure> {
    while M::RUNS_ON && !step.state.is_end() {
        if step.microsteps > MICROSTEPS_MAX {
            return Err(Failure::Livelock);
        }
        let took = if let Some(arms) = always(step) {
            microstep(step, &arms, None);
            true
        } else {
            match step.next_pending() {
                None => break,
                Some(Pending::Done(node)) => done(step, node),
                Some(Pending::Raised(trigger)) => raised(step, trigger)?,
            }
        };
        step.microsteps += u32::from(took);
    }
    if step.microsteps > MICROSTEPS_MAX {
        return Err(Failure::Livelock);
    }
    finish(step);
    Ok(())
}

/// An instance that has finished waits for nothing.
fn finish<M: Machine>(step: &mut Stepper<'_, M>) {
    if step.state.is_end() {
        step.drop_pending();
        if !step.ledger().timers.is_empty() {
            step.ledger_mut().timers.clear(|_| true);
        }
    }
}

/// The enabled `always` arms of all regions, those that conflict left out.
fn always<M: Machine>(step: &Stepper<'_, M>) -> Option<Arms> {
    let definition = M::DEFINITION;
    let mut selected = Arms::new();
    for leaf in step.state.leaves() {
        let mut asked = definition.arms_of(leaf).filter(|(_, arm)| arm.on == On::Always);
        if let Some((arm, _)) = asked.find(|(arm, _)| M::holds(*arm, step))
            && !selected.contains(&arm)
        {
            selected.push(arm);
        }
    }
    if selected.len() > 1 {
        let from = Configuration::of(definition, step.state.leaves());
        selected = definition.without_conflicts(&from, step.memory(), &selected);
    }
    (!selected.is_empty()).then_some(selected)
}

/// Takes the node's `done` arm; without one that applies, or when the node was left since, nothing happens.
fn done<M: Machine>(step: &mut Stepper<'_, M>, node: NodeId) -> bool {
    let definition = M::DEFINITION;
    let active = step.state.leaves().into_iter().any(|leaf| definition.is_within(leaf, node));
    let own = definition.own_arms(Some(node)).iter().copied();
    let mut asked = own.filter(|id| definition.arm(*id).is_some_and(|arm| arm.on == On::Done));
    let arm = asked.find(|arm| active && M::holds(*arm, step));
    if let Some(arm) = arm {
        microstep(step, &[arm], None);
    }
    arm.is_some()
}

/// Handles a trigger that was raised. What nothing answers is dropped; what is refused fails the whole step.
fn raised<M: Machine>(step: &mut Stepper<'_, M>, trigger: M::Trigger) -> Result<bool, Failure> {
    let before = step.missed.take();
    let mut asked = Asked::of::<M>(trigger.id());
    let decision = fire(trigger, step);
    let missed = step.missed.replace(before);
    match decision {
        Decision::Refused(arm) => {
            asked.missed = missed;
            asked.reason = step.reason();
            Err(Failure::Refused { arm, trigger: asked })
        }
        Decision::Took(_) | Decision::Ignored(_) | Decision::NotHandled => {
            step.missed.borrow_mut().extend(missed);
            Ok(matches!(decision, Decision::Took(_)))
        }
    }
}

/// Takes the arm of a timer, if its guard holds. Whether it did.
pub(crate) fn elapse<M: Machine>(step: &mut Stepper<'_, M>, timer: ArmId) -> bool {
    let holds = M::holds(timer, step);
    if holds {
        microstep(step, &[timer], None);
    }
    holds
}
