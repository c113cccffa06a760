//! What the runtime asks for while it runs a step over a configuration: which of a node's own arms answers, whether a
//! guard holds, an arm's actions. Machines with regions or histories are run so altogether, flat ones where no
//! trigger is concerned.

use super::action::{arm_id, emit_action, emit_guard, emit_reason, emit_scope};
use super::{Emitter, door, own};
use crate::model::{Arm, ArmId, NodeId, Target};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// One function for each node with arms that answer triggers, and one for the machine. The guard notes the arm and
/// says no: so nothing is moved out of the trigger, and it can be handed back.
///
/// ```text
/// fn __pick_Draft<P: Pass<Order>>(trigger: OrderTrigger, step: &P) -> (OrderTrigger, Option<ArmId>) {
///     let found = Cell::new(None);
///     match trigger {
///         OrderTrigger::Submit { lines } if found.get().is_none() && (!lines.is_empty() || step.missed(ArmId(1))) && pick(&found, ArmId(1)) => never(),
///         _ => {}
///     }
///     (trigger, found.get())
/// }
/// ```
pub(super) fn emit_picks(emitter: &Emitter<'_>) -> TokenStream {
    sources(emitter).map(|source| emit_pick(emitter, source)).collect()
}

fn sources<'e>(emitter: &'e Emitter<'_>) -> impl Iterator<Item = Option<NodeId>> + 'e {
    let sources = emitter.model.node_ids().map(Some).chain([None]);
    sources.filter(|source| asking(emitter, *source).next().is_some())
}

/// The arms of a source that answer triggers.
fn asking<'e>(
    emitter: &'e Emitter<'_>,
    source: Option<NodeId>,
) -> impl Iterator<Item = (ArmId, &'e Arm)> + 'e {
    let own = emitter.definition.own_arms(source).iter();
    own.map(|id| (*id, emitter.model.arm(*id))).filter(|(_, arm)| arm.matched().is_some())
}

fn name(emitter: &Emitter<'_>, source: Option<NodeId>) -> Ident {
    source
        .map_or_else(|| format_ident!("__pick"), |id| format_ident!("__pick_{}", emitter.model.node(id).name))
}

fn emit_pick(emitter: &Emitter<'_>, source: Option<NodeId>) -> TokenStream {
    let (sw, machine, function) = (door(), &emitter.model.name, name(emitter, source));
    let (trigger, step, found, trigger_type) =
        (own("trigger"), own("step"), own("found"), emitter.name("Trigger"));
    let arms = asking(emitter, source).filter_map(|(id, arm)| {
        let (pattern, this) = (&arm.matched()?.pattern, arm_id(id));
        let guard = emit_guard(arm, id).map(|guard| quote!((#guard) &&));
        Some(quote! {
            #pattern if #found.get().is_none() && #guard #sw::pick(&#found, #this) => #sw::never(),
        })
    });
    let guarded = asking(emitter, source).any(|(_, arm)| arm.guard.is_some());
    let scope = guarded.then(|| emit_scope(emitter));
    quote! {
        #[allow(non_snake_case, unused_variables, clippy::pedantic)]
        fn #function<__P: #sw::Pass<#machine>>(
            #trigger: #trigger_type,
            #step: &__P,
        ) -> (#trigger_type, ::core::option::Option<#sw::ArmId>) {
            let #found = ::core::cell::Cell::new(::core::option::Option::None);
            #scope
            match #trigger { #(#arms)* _ => {} }
            (#trigger, #found.get())
        }
    }
}

/// ```text
/// fn pick<P>(source: Option<NodeId>, trigger, step: &P) -> (…) { match source { Some(NodeId(1)) => __pick_Draft(trigger, step), … } }
/// ```
pub(super) fn emit_pick_method(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, source, trigger, step) = (door(), own("source"), own("trigger"), own("step"));
    let cases = sources(emitter).map(|from| {
        let function = name(emitter, from);
        let from = from.map(|NodeId(id)| quote!(::core::option::Option::Some(#sw::NodeId(#id))));
        let from = from.unwrap_or_else(|| quote!(::core::option::Option::None));
        quote!(#from => #function(#trigger, #step),)
    });
    quote! {
        fn pick<__P: #sw::Pass<Self>>(
            #source: ::core::option::Option<#sw::NodeId>,
            #trigger: Self::Trigger,
            #step: &__P,
        ) -> (Self::Trigger, ::core::option::Option<#sw::ArmId>) {
            match #source { #(#cases)* _ => (#trigger, ::core::option::Option::None) }
        }
    }
}

/// ```text
/// fn holds<P>(arm: ArmId, step: &P) -> bool { match arm.0 { 4 => { let (data, …) = step.scope(); … }, _ => true } }
/// fn refuse<P>(arm: ArmId, trigger, step: &P) -> Cow<'static, str> { match (arm.0, trigger) { … } }
/// fn act(arm: ArmId, trigger: Option<OrderTrigger>, step: &mut Stepper<'_, Self>) { match (arm.0, trigger) { … } }
/// ```
pub(super) fn emit_arm_methods(emitter: &Emitter<'_>) -> TokenStream {
    let (holds, refuse, act) = (emit_holds(emitter), emit_refuse(emitter), emit_act(emitter));
    quote!(#holds #refuse #act)
}

/// Arms of the runtime: all where there are regions, in flat machines those that answer no trigger.
fn run<'e>(emitter: &'e Emitter<'_>) -> impl Iterator<Item = (ArmId, &'e Arm)> + 'e {
    let all = !emitter.definition.is_flat();
    emitter.model.arms().filter(move |(_, arm)| all || arm.matched().is_none())
}

fn emit_holds(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let (sw, arm, step, scope) = (door(), own("arm"), own("step"), emit_scope(emitter));
    let guarded = emitter.model.arms().filter(|(_, arm)| arm.matched().is_none());
    let cases: TokenStream = guarded
        .filter_map(|(id, arm)| {
            let (place, guard) = (id.0, emit_guard(arm, id)?);
            Some(quote!(#place => { #scope #guard }))
        })
        .collect();
    (!cases.is_empty()).then(|| {
        quote! {
            fn holds<__P: #sw::Pass<Self>>(#arm: #sw::ArmId, #step: &__P) -> bool {
                match #arm.0 { #cases _ => true }
            }
        }
    })
}

fn emit_refuse(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let (sw, arm, trigger, step, scope) =
        (door(), own("arm"), own("trigger"), own("step"), emit_scope(emitter));
    let cases: TokenStream = run(emitter)
        .filter_map(|(id, arm)| {
            let Target::Reject(reason, _) = &arm.target else { return None };
            let (place, pattern, reason) = (id.0, &arm.matched()?.pattern, emit_reason(reason));
            Some(quote!((#place, #pattern) => { #scope #reason }))
        })
        .collect();
    (!cases.is_empty()).then(|| {
        quote! {
            #[allow(unused_variables)]
            fn refuse<__P: #sw::Pass<Self>>(#arm: #sw::ArmId, #trigger: Self::Trigger, #step: &__P) -> ::std::borrow::Cow<'static, str> {
                match (#arm.0, #trigger) { #cases _ => ::std::borrow::Cow::Borrowed("") }
            }
        }
    })
}

fn emit_act(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let (sw, arm, trigger, step) = (door(), own("arm"), own("trigger"), own("step"));
    let cases: TokenStream = run(emitter)
        .filter(|(_, arm)| !arm.actions.is_empty())
        .map(|(id, arm)| {
            let actions = arm.actions.iter().map(|action| emit_action(emitter, action));
            let place = id.0;
            let pattern = arm.matched().map(|matched| &matched.pattern);
            let pattern = pattern.map(|pattern| quote!(::core::option::Option::Some(#pattern)));
            let pattern = pattern.unwrap_or_else(|| quote!(_));
            quote!((#place, #pattern) => { #(#actions)* })
        })
        .collect();
    (!cases.is_empty()).then(|| {
        quote! {
            #[allow(unused_variables)]
            fn act(#arm: #sw::ArmId, #trigger: ::core::option::Option<Self::Trigger>, #step: &mut #sw::Stepper<'_, Self>) {
                match (#arm.0, #trigger) { #cases _ => {} }
            }
        }
    })
}
