//! `OrderState`, where an instance can rest, and `OrderNode`, every declared node.
//!
//! Where there are parallel states, each region has an enum of its own by the same rule, and a parallel state is a
//! variant with one field for each region.

use super::definition::node_id;
use super::{Emitter, docs, door};
use crate::model::{Node, NodeId, NodeKind};
use crate::names::snake_case;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use statewright_definition::chart::{Configuration, Memory};
use syn::ext::IdentExt;

/// ```text
/// pub enum OrderState { Draft, Packing { goods: OrderGoodsState, papers: OrderPapersState }, … }
/// pub enum OrderGoodsState { … }  pub enum OrderPapersState { … }
/// impl OrderState { pub const ALL; pub fn path(self); pub fn is_in(self, node); }
/// impl MachineState, Display, FromStr, Serialize, Deserialize for OrderState
/// ```
pub(super) fn emit_states(emitter: &Emitter<'_>) -> TokenStream {
    let levels: Vec<_> = levels(emitter).map(|level| Level::of(emitter, level)).collect();
    let enums = levels.iter().map(|level| emit_level(emitter, level));
    let nodes = emit_nodes(emitter);
    let own = emit_inherent(emitter, &levels);
    let (machine_state, traits) = (emit_machine_state(emitter, &levels), emit_traits(emitter));
    quote!(#(#enums)* #nodes const _: () = { #own #machine_state #traits };)
}

/// The machine itself, and every region.
fn levels<'e>(emitter: &'e Emitter<'_>) -> impl Iterator<Item = Option<NodeId>> + 'e {
    let regions = emitter.model.node_ids().filter(|id| emitter.model.node(*id).kind == NodeKind::Region);
    std::iter::once(None).chain(regions.map(Some))
}

/// What is one enum: the leaves and parallel states that lie in no region further inside.
struct Level {
    region: Option<NodeId>,
    name: Ident,
    variants: Vec<NodeId>,
}

impl Level {
    fn of(emitter: &Emitter<'_>, region: Option<NodeId>) -> Self {
        let model = emitter.model;
        let inside = match region {
            Some(id) => id.0 + 1..model.node(id).last.0 + 1,
            None => 0..u16::try_from(model.nodes.len()).unwrap_or(u16::MAX),
        };
        let variants = inside.map(NodeId).filter(|id| {
            let kind = model.node(*id).kind;
            let around = model.lineage(*id).skip(1).find(|id| model.node(*id).kind == NodeKind::Region);
            (kind.is_leaf() || kind == NodeKind::Parallel) && around == region
        });
        Self { region, name: level_name(emitter, region), variants: variants.collect() }
    }

    fn has_regions(&self, emitter: &Emitter<'_>) -> bool {
        self.variants.iter().any(|id| emitter.model.node(*id).kind == NodeKind::Parallel)
    }
}

fn level_name(emitter: &Emitter<'_>, region: Option<NodeId>) -> Ident {
    match region {
        Some(id) => format_ident!("{}{}State", emitter.model.name, emitter.model.node(id).name.unraw()),
        None => emitter.name("State"),
    }
}

/// The fields of a parallel state: one for each region, named like it. On a broken model two could be alike.
fn fields(emitter: &Emitter<'_>, parallel: NodeId) -> Vec<(Ident, NodeId)> {
    let mut fields: Vec<(Ident, NodeId)> = Vec::new();
    for region in emitter.definition.regions(parallel) {
        let mut name = field(&emitter.model.node(region).name);
        if fields.iter().any(|(other, _)| *other == name) {
            name = format_ident!("{name}_{}", region.0);
        }
        fields.push((name, region));
    }
    fields
}

fn field(region: &Ident) -> Ident {
    let name = snake_case(&region.unraw().to_string());
    syn::parse_str::<Ident>(&name).unwrap_or_else(|_| format_ident!("r#{name}"))
}

fn about(node: &Node) -> String {
    format!("State `{}`.", node.name)
}

fn emit_level(emitter: &Emitter<'_>, level: &Level) -> TokenStream {
    let (model, vis, name) = (emitter.model, &emitter.model.vis, &level.name);
    let doc = match level.region {
        Some(id) => format!("The states of region `{}` of [`{}`].", model.node(id).name, model.name),
        None => format!("The states of [`{}`].", model.name),
    };
    let variants = level.variants.iter().map(|id| {
        let node = model.node(*id);
        let (docs, variant) = (docs(&node.attrs, &about(node)), &node.name);
        if node.kind != NodeKind::Parallel {
            return quote!(#docs #variant);
        }
        let fields = fields(emitter, *id).into_iter().map(|(field, region)| {
            let region_node = model.node(region);
            let docs = super::docs(&region_node.attrs, &format!("Region `{}`.", region_node.name));
            let ty = level_name(emitter, Some(region));
            quote!(#docs #field: #ty)
        });
        quote!(#docs #variant { #(#fields),* })
    });
    let nowhere = level.variants.is_empty().then(|| {
        quote!(
            #[doc(hidden)]
            __Nowhere
        )
    });
    let plain = !level.has_regions(emitter) && (level.region.is_some() || levels(emitter).nth(1).is_none());
    let names = plain.then(|| emit_names(emitter, name, &or_nothing(emitter, level)));
    let lints = super::lints(model);
    quote! {
        #[doc = #doc]
        #lints
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash, ::core::fmt::Debug)]
        #vis enum #name { #(#variants,)* #nowhere }
        #names
    }
}

/// The names of an enum's variants. Never empty, so that every enum has a value on a broken model.
fn or_nothing(emitter: &Emitter<'_>, level: &Level) -> Vec<Ident> {
    let names = level.variants.iter().map(|id| emitter.model.node(*id).name.clone());
    let names: Vec<_> = names.collect();
    if names.is_empty() { vec![format_ident!("__Nowhere")] } else { names }
}

fn emit_nodes(emitter: &Emitter<'_>) -> TokenStream {
    let (model, vis, name) = (emitter.model, &emitter.model.vis, emitter.name("Node"));
    let doc = format!("Every declared state of [`{}`].", model.name);
    let docs = model.nodes.iter().map(|node| docs(&node.attrs, &about(node)));
    let names: Vec<_> = model.nodes.iter().map(|node| node.name.clone()).collect();
    let nowhere = names.is_empty().then(|| {
        quote!(
            #[doc(hidden)]
            __Nowhere
        )
    });
    let known = if names.is_empty() { vec![format_ident!("__Nowhere")] } else { names.clone() };
    let named = emit_names(emitter, &name, &known);
    let (lints, sw) = (super::lints(model), door());
    quote! {
        #[doc = #doc]
        #lints
        #[allow(dead_code)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash, ::core::fmt::Debug)]
        #vis enum #name { #(#docs #names,)* #nowhere }
        #named

        #[automatically_derived]
        impl ::core::convert::From<#name> for #sw::NodeId {
            fn from(node: #name) -> Self {
                #sw::NodeId(node as u16)
            }
        }
    }
}

/// `ALL`, `name()` and `Display` of an enum without fields.
fn emit_names(emitter: &Emitter<'_>, name: &Ident, names: &[Ident]) -> TokenStream {
    let vis = &emitter.model.vis;
    let texts = names.iter().map(|name| name.unraw().to_string());
    quote! {
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

fn emit_inherent(emitter: &Emitter<'_>, levels: &[Level]) -> TokenStream {
    let (model, vis, sw) = (emitter.model, &emitter.model.vis, door());
    let (state, node, machine) = (emitter.name("State"), emitter.name("Node"), &model.name);
    if levels.len() > 1 {
        return quote! {
            impl #state {
                /// Every active state, in source order: a parallel state with all its regions.
                #[must_use]
                #vis fn path(self) -> ::std::vec::Vec<#node> {
                    let active = #sw::active::<#machine>(self);
                    #node::ALL.iter().copied().filter(|node| active.contains(#sw::NodeId(*node as u16))).collect()
                }

                /// Whether a state is active: this one, one of its regions' states, or one around them.
                #[must_use]
                #vis fn is_in(self, node: #node) -> bool {
                    #sw::active::<#machine>(self).contains(#sw::NodeId(node as u16))
                }
            }
        };
    }
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

/// ```text
/// impl MachineState for OrderState { fn leaves(self) -> Nodes; fn of(leaves: &[NodeId]) -> Option<Self>; … }
/// fn __leaves_Goods(state: OrderGoodsState, leaves: &mut Nodes) { … }  // one for each level
/// fn __of_Goods(leaves: &[NodeId]) -> Option<OrderGoodsState> { … }
/// ```
fn emit_machine_state(emitter: &Emitter<'_>, levels: &[Level]) -> TokenStream {
    let (model, sw, state) = (emitter.model, door(), emitter.name("State"));
    let functions = levels.iter().map(|level| emit_level_functions(emitter, level));
    let ends = model.leaves().filter(|id| model.is_end(*id)).map(|id| &model.node(id).name);
    let ends = quote!(#(#state::#ends)|*);
    let is_end = if ends.is_empty() { quote!(false) } else { quote!(::core::matches!(self, #ends)) };
    let machine = &model.name;
    let text = if levels.len() > 1 {
        quote!(#sw::text_of(<#machine as #sw::Machine>::DEFINITION, &#sw::MachineState::leaves(self)))
    } else {
        quote!(::std::borrow::Cow::Borrowed(self.name()))
    };
    quote! {
        #(#functions)*

        #[automatically_derived]
        impl #sw::MachineState for #state {
            fn leaves(self) -> #sw::Nodes {
                let mut leaves = #sw::Nodes::new();
                __leaves(self, &mut leaves);
                leaves
            }
            fn of(leaves: &[#sw::NodeId]) -> ::core::option::Option<Self> {
                __of(leaves)
            }
            fn is_end(self) -> bool {
                #is_end
            }
            fn text(self) -> ::std::borrow::Cow<'static, str> {
                #text
            }
        }
    }
}

fn emit_level_functions(emitter: &Emitter<'_>, level: &Level) -> TokenStream {
    let (sw, name) = (door(), &level.name);
    let (leaves, of) = (function(emitter, "leaves", level.region), function(emitter, "of", level.region));
    let pushes = level.variants.iter().map(|id| {
        let (variant, this) = (&emitter.model.node(*id).name, node_id(*id));
        if emitter.model.node(*id).kind != NodeKind::Parallel {
            return quote!(#name::#variant => leaves.push(#this),);
        }
        let (fields, inner): (Vec<_>, Vec<_>) = fields(emitter, *id)
            .into_iter()
            .map(|(field, region)| (field, function(emitter, "leaves", Some(region))))
            .unzip();
        quote!(#name::#variant { #(#fields),* } => { #(#inner(#fields, leaves);)* })
    });
    let finds = level.variants.iter().map(|id| {
        let (variant, first) = (&emitter.model.node(*id).name, id.0);
        if emitter.model.node(*id).kind != NodeKind::Parallel {
            return quote!(#first => return ::core::option::Option::Some(#name::#variant),);
        }
        let last = emitter.model.node(*id).last.0;
        let (fields, inner): (Vec<_>, Vec<_>) = fields(emitter, *id)
            .into_iter()
            .map(|(field, region)| (field, function(emitter, "of", Some(region))))
            .unzip();
        quote!(#first..=#last => return ::core::option::Option::Some(#name::#variant { #(#fields: #inner(leaves)?),* }),)
    });
    let nowhere = level.variants.is_empty().then(|| quote!(_ => {}));
    quote! {
        #[allow(non_snake_case, clippy::match_same_arms)]
        fn #leaves(state: #name, leaves: &mut #sw::Nodes) {
            match state { #(#pushes)* #nowhere }
            let _ = leaves;
        }

        #[allow(non_snake_case)]
        fn #of(leaves: &[#sw::NodeId]) -> ::core::option::Option<#name> {
            for leaf in leaves {
                match leaf.0 { #(#finds)* _ => {} }
            }
            ::core::option::Option::None
        }
    }
}

fn function(emitter: &Emitter<'_>, what: &str, region: Option<NodeId>) -> Ident {
    match region {
        Some(id) => format_ident!("__{what}_{}", emitter.model.node(id).name),
        None => format_ident!("__{what}"),
    }
}

/// The state in which an instance begins; on a broken model any.
pub(super) fn emit_initial(emitter: &Emitter<'_>) -> TokenStream {
    let definition = emitter.definition;
    let leaves: Vec<NodeId> = if emitter.sound {
        let entered = definition.beginning(&Memory::default());
        Configuration::of(definition, entered).leaves(definition).collect()
    } else {
        Vec::new()
    };
    emit_value(emitter, None, &leaves)
}

fn emit_value(emitter: &Emitter<'_>, region: Option<NodeId>, leaves: &[NodeId]) -> TokenStream {
    let (model, level) = (emitter.model, Level::of(emitter, region));
    let name = &level.name;
    let active = |id: &&NodeId| leaves.iter().any(|leaf| model.is_within(*leaf, **id));
    let Some(id) = level.variants.iter().find(active).or(level.variants.first()) else {
        return quote!(#name::__Nowhere);
    };
    let variant = &model.node(*id).name;
    if model.node(*id).kind != NodeKind::Parallel {
        return quote!(#name::#variant);
    }
    let fields = fields(emitter, *id).into_iter().map(|(field, region)| {
        let value = emit_value(emitter, Some(region), leaves);
        quote!(#field: #value)
    });
    quote!(#name::#variant { #(#fields),* })
}

fn emit_traits(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, state) = (emitter.model, door(), emitter.name("State"));
    let machine = model.name.unraw().to_string();
    let has_regions = levels(emitter).nth(1).is_some();
    let machine_type = &model.name;
    let display = has_regions.then(|| {
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #state {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.pad(&#sw::MachineState::text(*self))
                }
            }
        }
    });
    let parse = if has_regions {
        quote!(#sw::parse_state(<#machine_type as #sw::Machine>::DEFINITION, name))
    } else {
        let names: Vec<_> = model.leaves().map(|id| &model.node(id).name).collect();
        let texts = names.iter().map(|name| name.unraw().to_string());
        quote! {
            ::core::result::Result::Ok(match name {
                #(#texts => #state::#names,)*
                _ => return ::core::result::Result::Err(#sw::UnknownState {
                    machine: #machine,
                    name: ::std::borrow::ToOwned::to_owned(name),
                }),
            })
        }
    };
    quote! {
        #display

        #[automatically_derived]
        impl ::core::str::FromStr for #state {
            type Err = #sw::UnknownState;
            fn from_str(name: &str) -> ::core::result::Result<Self, #sw::UnknownState> {
                #parse
            }
        }

        #[automatically_derived]
        impl #sw::serde::Serialize for #state {
            fn serialize<S: #sw::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(&#sw::MachineState::text(*self))
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
