//! The step function of a flat machine: one small function for each state, with every arm that may answer there, its
//! own first.
//!
//! The hierarchy is flattened here: what an inherited arm leaves and enters is written out for the state it starts
//! from, and nothing asks for a parent at run time. Machines with regions or histories are the runtime's to run.

use super::action::{arm_id, emit_action, emit_guard, emit_reason, emit_scope};
use super::definition::node_id;
use super::hooks::emit_call;
use super::{Emitter, door, own};
use crate::model::{Arm, ArmId, NodeId, NodeKind, Target};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use statewright_definition::chart::{Configuration, Memory};

/// ```text
/// fn __in_Draft<P: Pass<Order>>(trigger: OrderTrigger, step: &mut P) -> Decision {
///     let (data, state, cx) = step.scope();
///     match trigger {
///         OrderTrigger::Submit { lines } if !lines.is_empty() || step.missed(ArmId(1)) => { …; Decision::Took(ArmId(1)) }
///         _ => Decision::NotHandled,
///     }
/// }
/// ```
pub(super) fn emit_states(emitter: &Emitter<'_>) -> TokenStream {
    let leaves = emitter.model.leaves().map(|leaf| (leaf, asked(emitter, leaf)));
    leaves
        .filter(|(_, asked)| !asked.is_empty())
        .map(|(leaf, asked)| emit_state(emitter, leaf, &asked))
        .collect()
}

/// ```text
/// fn decide<P: Pass<Self>>(trigger, step: &mut P) -> Decision { match step.state() { OrderState::Draft => __in_Draft(…), … } }
/// ```
pub(super) fn emit_decide(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, state, trigger, step) = (door(), emitter.name("State"), own("trigger"), own("step"));
    let leaves = emitter.model.leaves().filter(|leaf| emitter.sound && !asked(emitter, *leaf).is_empty());
    let cases = leaves.map(|leaf| {
        let (name, function) =
            (&emitter.model.node(leaf).name, format_ident!("__in_{}", emitter.model.node(leaf).name));
        quote!(#state::#name => #function(#trigger, #step),)
    });
    quote! {
        fn decide<__P: #sw::Pass<Self>>(#trigger: Self::Trigger, #step: &mut __P) -> #sw::Decision {
            #[allow(unreachable_patterns, clippy::match_single_binding)]
            match #sw::Pass::state(#step) {
                #(#cases)*
                _ => {
                    let _ = &#trigger;
                    #sw::Decision::NotHandled
                }
            }
        }
    }
}

/// The arms that may answer a trigger in a leaf, in the order in which they are asked. An arm all of whose triggers
/// were answered for certain before it is left out.
fn asked(emitter: &Emitter<'_>, leaf: NodeId) -> Vec<ArmId> {
    let (model, definition) = (emitter.model, emitter.definition);
    if definition.is_end(leaf) {
        return Vec::new();
    }
    let mut answered = vec![false; model.triggers.len()];
    let mut asked = Vec::new();
    for (id, arm) in definition.arms_of(leaf) {
        let open = arm.triggers().iter().any(|t| !answered[t.index()]);
        if open {
            asked.push(id);
        }
        if open && arm.whole {
            arm.triggers().iter().for_each(|t| answered[t.index()] = true);
        }
    }
    asked
}

fn emit_state(emitter: &Emitter<'_>, leaf: NodeId, asked: &[ArmId]) -> TokenStream {
    let (model, sw, machine) = (emitter.model, door(), &emitter.model.name);
    let trigger_type = emitter.name("Trigger");
    let (trigger, step) = (own("trigger"), own("step"));
    let function = format_ident!("__in_{}", model.node(leaf).name);
    let arms = asked.iter().map(|id| emit_arm(emitter, leaf, *id));
    let looks = asked
        .iter()
        .map(|id| model.arm(*id))
        .any(|arm| arm.guard.is_some() || matches!(arm.target, Target::Reject(..)));
    let scope = looks.then(|| emit_scope(emitter));
    let otherwise = (!answers_all(emitter, asked)).then(|| quote!(_ => #sw::Decision::NotHandled,));
    quote! {
        #[allow(non_snake_case, unreachable_patterns, clippy::pedantic, clippy::needless_pass_by_value)]
        fn #function<__P: #sw::Pass<#machine>>(#trigger: #trigger_type, #step: &mut __P) -> #sw::Decision {
            #scope
            match #trigger { #(#arms)* #otherwise }
        }
    }
}

/// Whether no trigger is left over.
fn answers_all(emitter: &Emitter<'_>, asked: &[ArmId]) -> bool {
    let model = emitter.model;
    let whole = asked.iter().map(|id| model.arm(*id)).filter(|arm| arm.is_whole());
    let answered: std::collections::BTreeSet<_> = whole.flat_map(Arm::triggers).collect();
    answered.len() == model.triggers.len()
}

fn emit_arm(emitter: &Emitter<'_>, leaf: NodeId, id: ArmId) -> TokenStream {
    let arm = emitter.model.arm(id);
    let Some(matched) = arm.matched() else { return TokenStream::new() };
    let (pattern, body) = (&matched.pattern, emit_body(emitter, (leaf, id), arm));
    let guard = emit_guard(arm, id).map(|guard| quote!(if #guard));
    quote!(#pattern #guard => { #body })
}

fn emit_body(emitter: &Emitter<'_>, at: (NodeId, ArmId), arm: &Arm) -> TokenStream {
    let (sw, this, machine) = (door(), arm_id(at.1), &emitter.model.name);
    match &arm.target {
        Target::Ignore => quote!(#sw::Decision::Ignored(::core::option::Option::Some(#this))),
        Target::Reject(reason, _) => {
            let reason = emit_reason(reason);
            let step = own("step");
            quote! {
                let __reason = #reason;
                #sw::Pass::refuse(#step, __reason);
                #sw::Decision::Refused(#this)
            }
        }
        Target::To(_) | Target::Internal(_) | Target::Stay => {
            let actions = emit_way(emitter, at, arm);
            let acts =
                (!actions.is_empty()).then(|| quote!(if <__P as #sw::Pass<#machine>>::ACTS { #actions }));
            quote!(#acts #sw::Decision::Took(#this))
        }
    }
}

/// Exits innermost first, the arm's actions, the new state, entries outermost first, and what has come to its end.
fn emit_way(emitter: &Emitter<'_>, at: (NodeId, ArmId), arm: &Arm) -> TokenStream {
    let (model, definition, sw) = (emitter.model, emitter.definition, door());
    let (step, state) = (own("step"), emitter.name("State"));
    let from = Configuration::of(definition, [at.0]);
    let way = definition.microstep(&from, &Memory::default(), &[at.1]);
    let exits = way.exits.iter().map(|id| emit_call(emitter, "exit", *id));
    let actions = arm.actions.iter().map(|action| emit_action(emitter, action));
    let leaf = way.to.leaves(definition).next().unwrap_or(at.0);
    let to = &model.node(leaf).name;
    let enter = (leaf != at.0).then(|| quote!(#sw::Pass::enter(#step, #state::#to);));
    let entries = way.entries.iter().map(|id| emit_call(emitter, "entry", *id));
    let ended = Some(leaf).filter(|id| way.entries.contains(id) && model.node(*id).kind == NodeKind::Final);
    let done =
        ended.and_then(|id| model.node(id).parent).filter(|id| definition.answers_done(*id)).map(|id| {
            let id = node_id(id);
            quote!(#sw::Pass::done(#step, #id);)
        });
    quote!(#(#exits)* #(#actions)* #enter #(#entries)* #done)
}
