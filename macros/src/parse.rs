//! The syntax as written: the block is split by hand over token trees, `syn` parses the leaves. A broken item is
//! reported and costs itself alone.
//!
//! Names are not looked up here, and nothing is judged.

mod action;
mod arm;
mod cursor;
mod duration;
mod item;
mod leaf;
mod lines;
mod list;
mod node;
mod statement;
mod text;

pub(crate) use action::{Action, ActionKind};
pub(crate) use arm::{Arm, On, Target};
pub(crate) use duration::{Duration, DurationValue};
pub(crate) use item::{Member, Unhandled};
pub(crate) use lines::{Claim, Limit, Migration, Proof};
pub(crate) use list::{EventItem, Retired, VariantItem};
pub(crate) use node::{Node, NodeKind};
pub(crate) use text::source_text;

use crate::diagnostics::Diagnostics;
use cursor::Cursor;
use proc_macro2::{Ident, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitInt, LitStr, Type, Visibility, braced};

/// A machine as written, with holes where it was not understood.
pub(crate) struct Machine {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) versions: Vec<LitInt>,
    pub(crate) locks: Vec<LitStr>,
    pub(crate) data: Vec<(Type, Option<LitInt>)>,
    pub(crate) triggers: Vec<VariantItem>,
    pub(crate) trigger_attrs: Vec<Attribute>,
    pub(crate) events: Vec<EventItem>,
    pub(crate) effects: Vec<VariantItem>,
    pub(crate) effect_attrs: Vec<Attribute>,
    pub(crate) unhandled: Vec<(Ident, Unhandled)>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) migrations: Vec<Migration>,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) members: Vec<Member>,
}

/// Parses the whole block. `None`: there is not even a machine's name.
pub(crate) fn parse_machine(diagnostics: &mut Diagnostics, input: TokenStream) -> Option<Machine> {
    let header = match syn::parse2::<Header>(input) {
        Ok(header) => header,
        Err(error) => {
            diagnostics.syn(error);
            return None;
        }
    };
    let mut machine = Machine {
        attrs: header.attrs,
        vis: header.vis,
        name: header.name,
        versions: Vec::new(),
        locks: Vec::new(),
        data: Vec::new(),
        triggers: Vec::new(),
        trigger_attrs: Vec::new(),
        events: Vec::new(),
        effects: Vec::new(),
        effect_attrs: Vec::new(),
        unhandled: Vec::new(),
        limits: Vec::new(),
        migrations: Vec::new(),
        proofs: Vec::new(),
        members: Vec::new(),
    };
    let mut cursor = Cursor::new(header.body, machine.name.span());
    while !cursor.is_empty() {
        item::parse_item(diagnostics, &mut cursor, &mut machine);
    }
    Some(machine)
}

struct Header {
    attrs: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    body: TokenStream,
}

impl Parse for Header {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let keyword: Ident = input.parse().map_err(|error| {
            syn::Error::new(error.span(), "expected `machine`\nhelp: write `pub machine Name { … }`")
        })?;
        if keyword != "machine" {
            return Err(syn::Error::new_spanned(
                &keyword,
                format!("expected `machine`, found `{keyword}`\nhelp: write `pub machine Name {{ … }}`"),
            ));
        }
        let name = input.parse()?;
        let content;
        braced!(content in input);
        let body = content.parse()?;
        if !input.is_empty() {
            return Err(
                input.error("a block holds one machine\nhelp: write another `state_machine!` for the next")
            );
        }
        Ok(Self { attrs, vis, name, body })
    }
}
