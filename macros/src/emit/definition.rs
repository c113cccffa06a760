//! `DEFINITION`: the whole graph as static data.

use super::{Emitter, door};
use crate::model::{Arm, Attrs, Named, Node, NodeId, NodeKind, Target};
use crate::parse::{Action, ActionKind, Unhandled};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;

/// ```text
/// static __DEFINITION: Definition = Definition { machine: "Order", nodes: &[…], arms: &[…], … };
/// ```
pub(super) fn emit_definition(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw) = (emitter.model, door());
    let (machine, version, doc) = (model.name.unraw().to_string(), model.version, &model.attrs.doc);
    let data_type = model
        .data
        .as_ref()
        .map_or_else(|| "()".to_owned(), |ty| ty.to_token_stream().to_string().replace(' ', ""));
    let data_version = model.data_version;
    let initial = node_id(model.initial.unwrap_or(NodeId(0)));
    let unhandled = match model.unhandled {
        Unhandled::Reject => quote!(Reject),
        Unhandled::Ignore => quote!(Ignore),
    };
    let nodes = model.nodes.iter().map(emit_node);
    let (triggers, effects) = (model.triggers.iter().map(emit_named), model.effects.iter().map(emit_named));
    let events = model.events.iter().map(|event| {
        let ty = &event.ty;
        quote!(#sw::EventDef { name: <#ty as #sw::EventVersion>::NAME, version: <#ty as #sw::EventVersion>::VERSION })
    });
    let arms = model.arms.iter().map(emit_arm);
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
        };
    }
}

fn emit_named(named: &Named) -> TokenStream {
    let (sw, name, doc) = (door(), named.variant.ident.unraw().to_string(), &named.attrs.doc);
    quote!(#sw::NameDef { name: #name, doc: #doc })
}

fn emit_node(node: &Node) -> TokenStream {
    let (sw, name, Attrs { doc, .. }) = (door(), node.name.unraw().to_string(), &node.attrs);
    let kind = match node.kind {
        NodeKind::Atomic => quote!(Atomic),
        NodeKind::Compound => quote!(Compound),
        NodeKind::Final => quote!(Final),
    };
    let (parent, initial) = (option(node.parent.map(node_id)), option(node.initial.map(node_id)));
    let (entry, exit) = (emit_actions(&node.entry), emit_actions(&node.exit));
    let location = emit_location(&node.name);
    quote! {
        #sw::NodeDef {
            name: #name,
            kind: #sw::NodeKind::#kind,
            parent: #parent,
            initial: #initial,
            entry: #entry,
            exit: #exit,
            doc: #doc,
            location: #location,
        }
    }
}

fn emit_arm(arm: &Arm) -> TokenStream {
    let (sw, pattern, doc, whole) = (door(), &arm.pattern_text, &arm.attrs.doc, arm.is_whole());
    let triggers = arm.triggers.iter().map(|trigger| trigger.0);
    let source = option(arm.source.map(node_id));
    let guard = option(arm.guard.as_ref().map(|(_, text)| quote!(#text)));
    let target = match &arm.target {
        Target::To(id) => call("To", &node_id(*id)),
        Target::Internal(id) => call("Internal", &node_id(*id)),
        Target::Reject(_, text) => call("Reject", &quote!(#text)),
        Target::Stay => quote!(Stay),
        Target::Ignore => quote!(Ignore),
    };
    let (actions, location) = (emit_actions(&arm.actions), emit_location(&arm.keyword));
    quote! {
        #sw::ArmDef {
            source: #source,
            triggers: &[#(#sw::TriggerId(#triggers)),*],
            pattern: #pattern,
            guard: #guard,
            whole: #whole,
            target: #sw::TargetDef::#target,
            actions: #actions,
            doc: #doc,
            location: #location,
        }
    }
}

fn emit_actions(actions: &[Action]) -> TokenStream {
    let sw = door();
    let actions = actions.iter().map(|action| {
        let text = &action.text;
        match action.kind {
            ActionKind::Emit => quote!(#sw::ActionDef::Emit(#text)),
            ActionKind::Do => quote!(#sw::ActionDef::Do(#text)),
        }
    });
    quote!(&[#(#actions),*])
}

fn emit_location(at: &Ident) -> TokenStream {
    let sw = door();
    let line = u32::try_from(at.span().start().line).unwrap_or_default();
    quote!(#sw::Location { file: ::core::file!(), line: #line })
}

fn call(variant: &str, argument: &TokenStream) -> TokenStream {
    let variant = Ident::new(variant, Span::call_site());
    quote!(#variant(#argument))
}

fn node_id(id: NodeId) -> TokenStream {
    let (sw, place) = (door(), id.0);
    quote!(#sw::NodeId(#place))
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}
