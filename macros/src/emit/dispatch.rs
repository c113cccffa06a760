//! The step function: one small function for each state, with every arm that may answer there, its own first.
//!
//! The hierarchy is flattened here: what an inherited arm leaves and enters is written out for the state it starts
//! from, and nothing asks for a parent at run time.

use super::{Emitter, door, own, scope};
use crate::model::{Arm, ArmId, NodeId, Target};
use crate::parse::{Action, ActionKind};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// ```text
/// fn __in_Draft<P: Pass<Order>>(trigger: OrderTrigger, step: &mut P) -> Decision {
///     let (data, state, cx) = step.scope();
///     match trigger {
///         OrderTrigger::Submit { lines } if !lines.is_empty() || step.missed(ArmId(1)) => { …; Decision::Took(ArmId(1)) }
///         _ => Decision::NotHandled,
///     }
/// }
/// fn __select<P: Pass<Order>>(trigger, step) -> Decision { match step.state() { OrderState::Draft => __in_Draft(…), … } }
/// ```
pub(super) fn emit_dispatch(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, machine) = (emitter.model, door(), &emitter.model.name);
    let (state, node, trigger_type) = (emitter.name("State"), emitter.name("Node"), emitter.name("Trigger"));
    let (trigger, step) = (own("trigger"), own("step"));
    let mentions = &model.mentions;
    let (mut functions, mut cases) = (TokenStream::new(), TokenStream::new());
    if emitter.sound {
        for id in model.node_ids() {
            functions.extend(emit_hooks(emitter, id));
        }
        for leaf in model.leaves() {
            let asked = model.flattened(leaf);
            if asked.is_empty() {
                continue;
            }
            let (name, function) = (&model.node(leaf).name, format_ident!("__in_{}", model.node(leaf).name));
            functions.extend(emit_state(emitter, leaf, &asked));
            cases.extend(quote!(#state::#name => #function(#trigger, #step),));
        }
    }
    quote! {
        #functions

        fn __select<__P: #sw::Pass<#machine>>(#trigger: #trigger_type, #step: &mut __P) -> #sw::Decision {
            #[allow(unreachable_patterns, clippy::match_single_binding)]
            match #sw::Pass::state(#step) {
                #cases
                _ => {
                    let _ = &#trigger;
                    #sw::Decision::NotHandled
                }
            }
        }

        // Every state that the block names, for editors; never run.
        const _: &[#node] = &[#(#node::#mentions),*];
    }
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
    let answered: std::collections::BTreeSet<_> = whole.flat_map(|arm| &arm.triggers).collect();
    answered.len() == model.triggers.len()
}

fn emit_arm(emitter: &Emitter<'_>, leaf: NodeId, id: ArmId) -> TokenStream {
    let (arm, step) = (emitter.model.arm(id), own("step"));
    let (pattern, this, sw) = (&arm.pattern, arm_id(id), door());
    let guard = arm.guard.as_ref().map(|(guard, _)| quote!(if #guard || #sw::Pass::missed(#step, #this)));
    let body = emit_body(emitter, (leaf, id), arm);
    quote!(#pattern #guard => { #body })
}

fn emit_body(emitter: &Emitter<'_>, at: (NodeId, ArmId), arm: &Arm) -> TokenStream {
    let (sw, this, machine) = (door(), arm_id(at.1), &emitter.model.name);
    match &arm.target {
        Target::Ignore => quote!(#sw::Decision::Ignored(::core::option::Option::Some(#this))),
        Target::Reject(reason, _) => {
            let reason = quote_spanned!(reason.span()=> ::statewright::__private::reason(#reason));
            quote!(#sw::Decision::Refused(#this, #reason))
        }
        Target::To(_) | Target::Internal(_) | Target::Stay => {
            let actions = emit_way(emitter, at, arm);
            let acts =
                (!actions.is_empty()).then(|| quote!(if <__P as #sw::Pass<#machine>>::ACTS { #actions }));
            quote!(#acts #sw::Decision::Took(#this))
        }
    }
}

/// Exits innermost first, the arm's actions, the new state, entries outermost first.
fn emit_way(emitter: &Emitter<'_>, at: (NodeId, ArmId), arm: &Arm) -> TokenStream {
    let (model, sw, step, state) = (emitter.model, door(), own("step"), emitter.name("State"));
    let actions = arm.actions.iter().map(|action| emit_action(emitter, action));
    let Some(route) = model.route(at.0, at.1) else { return actions.collect() };
    let exits = route
        .exits
        .iter()
        .filter(|id| !model.node(**id).exit.is_empty())
        .map(|id| call(emitter, "exit", *id));
    let entries = route
        .entries
        .iter()
        .filter(|id| !model.node(**id).entry.is_empty())
        .map(|id| call(emitter, "entry", *id));
    let to = &model.node(route.leaf).name;
    let enter = (route.leaf != at.0).then(|| quote!(#sw::Pass::enter(#step, #state::#to);));
    quote!(#(#exits)* #(#actions)* #enter #(#entries)*)
}

fn call(emitter: &Emitter<'_>, hook: &str, id: NodeId) -> TokenStream {
    let (function, step) = (format_ident!("__{hook}_{}", emitter.model.node(id).name), own("step"));
    quote!(#function(#step);)
}

/// The entry and exit actions of one node, a function each.
fn emit_hooks(emitter: &Emitter<'_>, id: NodeId) -> TokenStream {
    let (sw, step, machine) = (door(), own("step"), &emitter.model.name);
    let node = emitter.model.node(id);
    let hooks =
        [("entry", &node.entry), ("exit", &node.exit)].into_iter().filter(|(_, actions)| !actions.is_empty());
    hooks
        .map(|(hook, actions)| {
            let function = format_ident!("__{hook}_{}", node.name);
            let actions = actions.iter().map(|action| emit_action(emitter, action));
            quote! {
                #[allow(non_snake_case)]
                fn #function<__P: #sw::Pass<#machine>>(#step: &mut __P) { #(#actions)* }
            }
        })
        .collect()
}

/// Runs the entry actions of the initial configuration.
pub(super) fn emit_begin(emitter: &Emitter<'_>) -> TokenStream {
    let (model, step) = (emitter.model, own("step"));
    let entered =
        model.beginning().into_iter().filter(|id| emitter.sound && !model.node(*id).entry.is_empty());
    let calls: TokenStream = entered.map(|id| call(emitter, "entry", id)).collect();
    if calls.is_empty() { quote!(let _ = #step;) } else { calls }
}

fn emit_action(emitter: &Emitter<'_>, action: &Action) -> TokenStream {
    let (sw, step, scope) = (door(), own("step"), emit_scope(emitter));
    let (expr, span) = (&action.expr, action.expr.span());
    let value = quote!({ #scope #expr });
    match action.kind {
        ActionKind::Emit => {
            // Spanned to the expression, so that an event that is not listed is underlined there.
            quote_spanned!(span=> let __event = #value; ::statewright::__private::Pass::emit(#step, __event);)
        }
        ActionKind::Do => quote!(let __effect = #value; #sw::Pass::act(#step, __effect);),
    }
}

/// Brings `data`, `state` and `cx` into the scope of the user's expressions.
fn emit_scope(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, machine, step, [data, state, cx]) = (door(), &emitter.model.name, own("step"), scope());
    quote! {
        let (#data, #state, #cx) = #sw::Pass::<#machine>::scope(&*#step);
        let _ = (#data, #state, #cx);
    }
}

fn arm_id(id: ArmId) -> TokenStream {
    let (sw, place) = (door(), id.0);
    quote!(#sw::ArmId(#place)).to_token_stream()
}
