//! Entry and exit of nodes: their actions and their timers, a function each.

use super::action::{emit_action, emit_schedule};
use super::definition::node_id;
use super::{Emitter, door, own};
use crate::model::{ArmId, NodeId};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The two ways to have a hook.
pub(super) const HOOKS: [&str; 2] = ["entry", "exit"];

/// ```text
/// fn __entry_Submitted<P: Pass<Order>>(step: &mut P) { …; step.schedule(ArmId(4), period(…)); }
/// fn __exit_Submitted<P: Pass<Order>>(step: &mut P) { …; step.cancel(NodeId(1)); }
/// ```
pub(super) fn emit_hooks(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, step, machine) = (door(), own("step"), &emitter.model.name);
    let nodes = emitter.model.node_ids().flat_map(|id| HOOKS.map(|hook| (id, hook)));
    let bodies =
        nodes.filter_map(|(id, hook)| Some((name(emitter, hook, id), emit_body(emitter, hook, id)?)));
    bodies
        .map(|(function, body)| {
            quote! {
                #[allow(non_snake_case)]
                fn #function<__P: #sw::Pass<#machine>>(#step: &mut __P) { #body }
            }
        })
        .collect()
}

/// `None`: there is nothing to do.
fn emit_body(emitter: &Emitter<'_>, hook: &str, id: NodeId) -> Option<TokenStream> {
    let (node, sw, step, this) = (emitter.model.node(id), door(), own("step"), node_id(id));
    let actions = if hook == "entry" { &node.entry } else { &node.exit };
    let actions = actions.iter().map(|action| emit_action(emitter, action));
    let timers = timers(emitter, Some(id));
    let timers = match hook {
        "entry" => timers,
        _ if timers.is_empty() => timers,
        _ => quote!(#sw::Pass::cancel(#step, #this);),
    };
    let body = quote!(#(#actions)* #timers);
    (!body.is_empty()).then_some(body)
}

fn timers(emitter: &Emitter<'_>, source: Option<NodeId>) -> TokenStream {
    let timers = emitter.definition.timers_of(source);
    let timers = timers.filter_map(|id: ArmId| Some((id, emitter.model.arm(id).timer()?)));
    timers.map(|timer| emit_schedule(emitter, timer)).collect()
}

/// Calls a node's hook, if it has one.
pub(super) fn emit_call(emitter: &Emitter<'_>, hook: &str, id: NodeId) -> TokenStream {
    let node = emitter.model.node(id);
    let actions = if hook == "entry" { &node.entry } else { &node.exit };
    if actions.is_empty() && emitter.definition.timers_of(Some(id)).next().is_none() {
        return TokenStream::new();
    }
    let (function, step) = (name(emitter, hook, id), own("step"));
    quote!(#function(#step);)
}

fn name(emitter: &Emitter<'_>, hook: &str, id: NodeId) -> Ident {
    format_ident!("__{hook}_{}", emitter.model.node(id).name)
}

/// ```text
/// fn enter(node: NodeId, step: &mut Stepper<'_, Self>) { match node.0 { 1 => __entry_Submitted(step), _ => {} } }
/// fn exit(…) { … }
/// fn wind(step: &mut Stepper<'_, Self>) { step.schedule(…); }
/// ```
pub(super) fn emit_hook_methods(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, node, step) = (door(), own("node"), own("step"));
    let methods = HOOKS.map(|hook| {
        let method = if hook == "entry" { format_ident!("enter") } else { format_ident!("exit") };
        let calls = emitter.model.node_ids().map(|id| (id.0, emit_call(emitter, hook, id)));
        let cases: TokenStream =
            calls.filter(|(_, call)| !call.is_empty()).map(|(id, call)| quote!(#id => { #call })).collect();
        (!cases.is_empty()).then(|| {
            quote! {
                fn #method(#node: #sw::NodeId, #step: &mut #sw::Stepper<'_, Self>) {
                    match #node.0 { #cases _ => {} }
                }
            }
        })
    });
    let own_timers = timers(emitter, None);
    let wind =
        (!own_timers.is_empty()).then(|| quote!(fn wind(#step: &mut #sw::Stepper<'_, Self>) { #own_timers }));
    quote!(#(#methods)* #wind)
}
