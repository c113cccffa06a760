//! `DEFINITION`: the whole graph as static data.

use super::{Emitter, door};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use statewright_definition::{
    ActionDef, ArmDef, ArmId, LimitDef, LimitScope, Location, NodeDef, NodeId, NodeKind, On, TargetDef,
    TriggerId, Unhandled,
};

/// ```text
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
        let (name, doc) = (effect.name, effect.doc);
        quote!(#sw::NameDef { name: #name, doc: #doc })
    });
    let events = emitter.model.events.iter().map(|event| {
        let ty = &event.ty;
        quote!(#sw::EventDef { name: <#ty as #sw::EventVersion>::NAME, version: <#ty as #sw::EventVersion>::VERSION })
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
            effects: &[#(#effects),*],
            arms: &[#(#arms),*],
            own: #own,
            limits: &[#(#limits),*],
            migrations: &[#(#migrations),*],
            proofs: &[#(#proofs),*],
        };
    }
}

fn emit_node(node: &NodeDef<'_>) -> TokenStream {
    let (sw, name, doc) = (door(), node.name, node.doc);
    let kind = variant(match node.kind {
        NodeKind::Compound => "Compound",
        NodeKind::Parallel => "Parallel",
        NodeKind::Region => "Region",
        NodeKind::Final => "Final",
        NodeKind::History => "History",
        NodeKind::DeepHistory => "DeepHistory",
        _ => "Atomic",
    });
    let (parent, last) = (option(node.parent.map(node_id)), node_id(node.last));
    let initial = node.initial.iter().copied().map(node_id);
    let arms = emit_arms(node.arms);
    let (entry, exit) = (emit_actions(node.entry), emit_actions(node.exit));
    let location = emit_location(node.location);
    quote! {
        #sw::NodeDef {
            name: #name,
            kind: #sw::NodeKind::#kind,
            parent: #parent,
            last: #last,
            initial: &[#(#initial),*],
            arms: #arms,
            entry: #entry,
            exit: #exit,
            doc: #doc,
            location: #location,
        }
    }
}

fn emit_arm(arm: &ArmDef<'_>) -> TokenStream {
    let (sw, doc, whole) = (door(), arm.doc, arm.whole);
    let source = option(arm.source.map(node_id));
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
    let guard = option(arm.guard.map(|text| quote!(#text)));
    let target = match arm.target {
        TargetDef::To(ids) => {
            let ids = ids.iter().copied().map(node_id);
            quote!(To(&[#(#ids),*]))
        }
        TargetDef::Internal(id) => call("Internal", &node_id(id)),
        TargetDef::Reject(text) => call("Reject", &quote!(#text)),
        TargetDef::Ignore => quote!(Ignore),
        _ => quote!(Stay),
    };
    let (actions, location) = (emit_actions(arm.actions), emit_location(arm.location));
    quote! {
        #sw::ArmDef {
            source: #source,
            on: #sw::On::#on,
            guard: #guard,
            whole: #whole,
            target: #sw::TargetDef::#target,
            actions: #actions,
            doc: #doc,
            location: #location,
        }
    }
}

fn emit_actions(actions: &[ActionDef<'_>]) -> TokenStream {
    let sw = door();
    let actions = actions.iter().map(|action| match action {
        ActionDef::Emit(text) => quote!(#sw::ActionDef::Emit(#text)),
        ActionDef::Raise(TriggerId(trigger), text) => {
            quote!(#sw::ActionDef::Raise(#sw::TriggerId(#trigger), #text))
        }
        ActionDef::Do(text) => quote!(#sw::ActionDef::Do(#text)),
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
    let (sw, triggers) = (door(), triggers.iter().map(|trigger| trigger.0));
    quote!(&[#(#sw::TriggerId(#triggers)),*])
}

fn emit_arms(arms: &[ArmId]) -> TokenStream {
    let (sw, arms) = (door(), arms.iter().map(|arm| arm.0));
    quote!(&[#(#sw::ArmId(#arms)),*])
}

/// The line is ours to say, the file rustc's.
fn emit_location(at: Location<'_>) -> TokenStream {
    let (sw, line) = (door(), at.line);
    quote!(#sw::Location { file: ::core::file!(), line: #line })
}

fn variant(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn call(name: &str, argument: &TokenStream) -> TokenStream {
    let variant = variant(name);
    quote!(#variant(#argument))
}

pub(super) fn node_id(id: NodeId) -> TokenStream {
    let (sw, place) = (door(), id.0);
    quote!(#sw::NodeId(#place))
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}
