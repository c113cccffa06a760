//! `OrderState`, where an instance can rest, and `OrderNode`, every declared state.

use super::{Emitter, docs, door};
use crate::model::Node;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

/// ```text
/// pub enum OrderState { Draft, Picking, … }
/// impl OrderState { pub const ALL; pub fn path(self); pub fn is_in(self, node); }
/// impl MachineState, Display, FromStr, Serialize, Deserialize for OrderState
/// ```
pub(super) fn emit_states(emitter: &Emitter<'_>) -> TokenStream {
    let (state, node) = (emitter.name("State"), emitter.name("Node"));
    let states = emit_enum(emitter, &state, &leaves(emitter));
    let nodes: Vec<_> =
        emitter.model.nodes.iter().map(|node| (node.name.clone(), docs(&node.attrs, &about(node)))).collect();
    let nodes = emit_enum(emitter, &node, &or_nothing(nodes));
    let own = emit_inherent(emitter, &state, &node);
    let traits = emit_traits(emitter, &state);
    quote!(#states #nodes const _: () = { #own #traits };)
}

fn about(node: &Node) -> String {
    format!("State `{}`.", node.name)
}

/// The states that can be rested in, each with its docs. Never empty, so that `INITIAL` exists on a broken model.
pub(super) fn leaves(emitter: &Emitter<'_>) -> Vec<(Ident, TokenStream)> {
    let model = emitter.model;
    let leaves = model
        .leaves()
        .map(|id| model.node(id))
        .map(|node| (node.name.clone(), docs(&node.attrs, &about(node))));
    or_nothing(leaves.collect())
}

fn or_nothing(mut variants: Vec<(Ident, TokenStream)>) -> Vec<(Ident, TokenStream)> {
    if variants.is_empty() {
        variants.push((format_ident!("__Nowhere"), quote!(#[doc(hidden)])));
    }
    variants
}

fn emit_enum(emitter: &Emitter<'_>, name: &Ident, variants: &[(Ident, TokenStream)]) -> TokenStream {
    let vis = &emitter.model.vis;
    let doc = format!("The states of [`{}`].", emitter.model.name);
    let (names, docs): (Vec<_>, Vec<_>) = variants.iter().cloned().unzip();
    let texts = names.iter().map(|name| name.unraw().to_string());
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash, ::core::fmt::Debug)]
        #vis enum #name { #(#docs #names),* }

        impl #name {
            /// Every value, in source order.
            #vis const ALL: &'static [#name] = &[#(#name::#names),*];

            /// The name as declared.
            #[must_use]
            #vis const fn name(self) -> &'static str {
                match self { #(#name::#names => #texts),* }
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.name())
            }
        }
    }
}

fn emit_inherent(emitter: &Emitter<'_>, state: &Ident, node: &Ident) -> TokenStream {
    let (model, vis) = (emitter.model, &emitter.model.vis);
    let paths = model.leaves().map(|leaf| {
        let name = &model.node(leaf).name;
        let mut lineage: Vec<_> = model.lineage(leaf).map(|id| &model.node(id).name).collect();
        lineage.reverse();
        quote!(#state::#name => &[#(#node::#lineage),*])
    });
    let mut paths: Vec<_> = paths.collect();
    if paths.is_empty() {
        paths.push(quote!(_ => &[]));
    }
    quote! {
        impl #state {
            /// The state and the compound states around it, outermost first.
            #[must_use]
            #vis fn path(self) -> &'static [#node] {
                match self { #(#paths),* }
            }

            /// Whether it is this state or lies inside it.
            #[must_use]
            #vis fn is_in(self, node: #node) -> bool {
                self.path().contains(&node)
            }
        }
    }
}

fn emit_traits(emitter: &Emitter<'_>, state: &Ident) -> TokenStream {
    let (model, sw) = (emitter.model, door());
    let machine = model.name.unraw().to_string();
    let (names, ids): (Vec<_>, Vec<_>) = model.leaves().map(|id| (&model.node(id).name, id.0)).unzip();
    let texts = names.iter().map(|name| name.unraw().to_string());
    let otherwise = names.is_empty().then(|| quote!(_ => 0));
    quote! {
        #[automatically_derived]
        impl #sw::MachineState for #state {
            fn leaf(self) -> #sw::NodeId {
                #sw::NodeId(match self { #(#state::#names => #ids,)* #otherwise })
            }
        }

        #[automatically_derived]
        impl ::core::str::FromStr for #state {
            type Err = #sw::UnknownState;
            fn from_str(name: &str) -> ::core::result::Result<Self, #sw::UnknownState> {
                ::core::result::Result::Ok(match name {
                    #(#texts => #state::#names,)*
                    _ => return ::core::result::Result::Err(#sw::UnknownState {
                        machine: #machine,
                        name: ::std::borrow::ToOwned::to_owned(name),
                    }),
                })
            }
        }

        #[automatically_derived]
        impl #sw::serde::Serialize for #state {
            fn serialize<S: #sw::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        #[automatically_derived]
        impl<'de> #sw::serde::Deserialize<'de> for #state {
            fn deserialize<D: #sw::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                #sw::deserialize_state(deserializer)
            }
        }
    }
}
