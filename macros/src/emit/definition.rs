//! `DEFINITION`: the whole graph as static data.

use super::{Emitter, door};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use statewright_definition::{
    ActionDef, ArmDef, ArmId, LimitDef, LimitScope, NodeDef, NodeId, NodeKind, On, TargetDef, TriggerId,
    Unhandled,
};

/// What stands often has a short name, since every token costs time in a large machine.
///
/// ```text
/// use ::statewright::__private::{ArmId as __A, …};
/// static __DEFINITION: Definition = Definition { machine: "Order", nodes: &[…], arms: &[…], … };
/// ```
pub(super) fn emit_definition(emitter: &Emitter<'_>) -> TokenStream {
    let (definition, sw) = (emitter.definition, door());
    let (machine, version, doc) = (definition.machine, definition.version, definition.doc);
    let (data_type, data_version) = (definition.data.type_name, definition.data.version);
    let initial = node_id(definition.initial);
    let unhandled = variant(match definition.unhandled {
        Unhandled::Reject => "Reject",
        Unhandled::Ignore => "Ignore",
    });
    let nodes = definition.nodes.iter().map(emit_node);
    let triggers = definition.triggers.iter().map(|trigger| {
        let (name, doc, internal) = (trigger.name, trigger.doc, trigger.internal);
        quote!(#sw::TriggerDef { name: #name, doc: #doc, internal: #internal })
    });
    let effects = definition.effects.iter().map(|effect| {
        let (name, doc, unordered) = (effect.name, effect.doc, effect.unordered);
        quote!(#sw::EffectDef { name: #name, doc: #doc, unordered: #unordered })
    });
    let events = emitter.model.events.iter().map(|event| {
        let ty = &event.ty;
        quote!(#sw::EventDef { name: <#ty as #sw::EventVersion>::NAME, version: <#ty as #sw::EventVersion>::VERSION })
    });
    let retired = definition.retired.iter().map(|retired| {
        let (name, split) = (retired.name, emit_option(retired.split));
        quote!(#sw::RetiredDef { name: #name, split: #split })
    });
    let arms = definition.arms.iter().map(emit_arm);
    let own = emit_arms(definition.own);
    let limits = definition.limits.iter().map(emit_limit);
    let migrations = definition.migrations.iter().map(|migration| {
        let (from, to) = (migration.from, node_id(migration.to));
        quote!(#sw::MigrationDef { from: #from, to: #to })
    });
    let proofs = definition.proofs;
    quote! {
        #[allow(unused_imports)]
        use #sw::{
            ActionDef as __Do, ArmDef as __Arm, ArmId as __A, NodeDef as __Node, NodeId as __N, NodeKind as __Kind,
            On as __On, TargetDef as __To, TriggerId as __T,
        };

        const __FILE: &str = ::core::file!();

        static __DEFINITION: #sw::Definition = #sw::Definition {
            machine: #machine,
            version: #version,
            doc: #doc,
            data: #sw::DataDef { type_name: #data_type, version: #data_version },
            initial: #initial,
            unhandled: #sw::Unhandled::#unhandled,
            nodes: &[#(#nodes),*],
            triggers: &[#(#triggers),*],
            events: &[#(#events),*],
            retired: &[#(#retired),*],
            effects: &[#(#effects),*],
            arms: &[#(#arms),*],
            own: #own,
            limits: &[#(#limits),*],
            migrations: &[#(#migrations),*],
            proofs: &[#(#proofs),*],
        };
    }
}

/// ```text
/// __Node::new(("Draft", ""), __Kind::Atomic, (65535, 0), (&[], &[__A(1)]), (&[], &[]), (__FILE, 7))
/// ```
fn emit_node(node: &NodeDef<'_>) -> TokenStream {
    let (name, doc, line) = (node.name, node.doc, node.location.line);
    let kind = variant(match node.kind {
        NodeKind::Compound => "Compound",
        NodeKind::Parallel => "Parallel",
        NodeKind::Region => "Region",
        NodeKind::Final => "Final",
        NodeKind::History => "History",
        NodeKind::DeepHistory => "DeepHistory",
        _ => "Atomic",
    });
    let (parent, last) = (optional(node.parent), node.last.0);
    let (initial, arms) = (emit_nodes(node.initial), emit_arms(node.arms));
    let (entry, exit) = (emit_actions(node.entry), emit_actions(node.exit));
    quote! {
        __Node::new((#name, #doc), __Kind::#kind, (#parent, #last), (#initial, #arms), (#entry, #exit), (__FILE, #line))
    }
}

/// ```text
/// __Arm::new(0, __On::Trigger { pattern: "Submit", triggers: &[__T(0)] }, (None, true), __To::To(&[__N(1)]), &[], ("", __FILE, 9))
/// ```
fn emit_arm(arm: &ArmDef<'_>) -> TokenStream {
    let (doc, whole, line, source) = (arm.doc, arm.whole, arm.location.line, optional(arm.source));
    let on = match arm.on {
        On::Trigger { pattern, triggers } => {
            let triggers = emit_triggers(triggers);
            quote!(Trigger { pattern: #pattern, triggers: #triggers })
        }
        On::Done => quote!(Done),
        On::After(span) => quote!(After(#span)),
        On::Every(span) => quote!(Every(#span)),
        _ => quote!(Always),
    };
    let guard = emit_option(arm.guard);
    let target = match arm.target {
        TargetDef::To(ids) => {
            let ids = emit_nodes(ids);
            quote!(To(#ids))
        }
        TargetDef::Internal(NodeId(id)) => quote!(Internal(__N(#id))),
        TargetDef::Reject(text) => quote!(Reject(#text)),
        TargetDef::Ignore => quote!(Ignore),
        _ => quote!(Stay),
    };
    let actions = emit_actions(arm.actions);
    quote!(__Arm::new(#source, __On::#on, (#guard, #whole), __To::#target, #actions, (#doc, __FILE, #line)))
}

fn emit_option(text: Option<&str>) -> TokenStream {
    let some = text.map(|text| quote!(::core::option::Option::Some(#text)));
    some.unwrap_or_else(|| quote!(::core::option::Option::None))
}

fn emit_actions(actions: &[ActionDef<'_>]) -> TokenStream {
    let actions = actions.iter().map(|action| match action {
        ActionDef::Emit(text) => quote!(__Do::Emit(#text)),
        ActionDef::Raise(TriggerId(trigger), text) => quote!(__Do::Raise(__T(#trigger), #text)),
        ActionDef::Do(text) => quote!(__Do::Do(#text)),
        _ => TokenStream::new(),
    });
    quote!(&[#(#actions),*])
}

fn emit_limit(limit: &LimitDef<'_>) -> TokenStream {
    let (sw, count, period_ns, burst) = (door(), limit.count, limit.period_ns, limit.burst);
    let triggers = emit_triggers(limit.triggers);
    let scope = variant(match limit.scope {
        LimitScope::Instance => "Instance",
        LimitScope::Tenant => "Tenant",
        LimitScope::Machine => "Machine",
    });
    quote! {
        #sw::LimitDef { count: #count, period_ns: #period_ns, burst: #burst, triggers: #triggers, scope: #sw::LimitScope::#scope }
    }
}

fn emit_triggers(triggers: &[TriggerId]) -> TokenStream {
    let triggers = triggers.iter().map(|trigger| trigger.0);
    quote!(&[#(__T(#triggers)),*])
}

fn emit_arms(arms: &[ArmId]) -> TokenStream {
    let arms = arms.iter().map(|arm| arm.0);
    quote!(&[#(__A(#arms)),*])
}

fn emit_nodes(nodes: &[NodeId]) -> TokenStream {
    let nodes = nodes.iter().map(|node| node.0);
    quote!(&[#(__N(#nodes)),*])
}

fn optional(id: Option<NodeId>) -> u16 {
    id.map_or(u16::MAX, |id| id.0)
}

fn variant(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

pub(super) fn node_id(id: NodeId) -> TokenStream {
    let (sw, place) = (door(), id.0);
    quote!(#sw::NodeId(#place))
}
