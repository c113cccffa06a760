//! What is printed, case by case, and that nothing makes the compiler panic.

use super::state_machine;
use crate::event;
use proc_macro2::{TokenStream, TokenTree};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

/// Every `testdata/expand/<case>.rs` beside its `<case>.snap`.
#[test]
fn expansions_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/expand");
    let entries =
        fs::read_dir(&folder).expect("the cases are there").map(|entry| entry.expect("readable").path());
    let mut cases: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    cases.sort();
    assert!(cases.len() >= 7, "cases are missing");
    for case in cases {
        let name = case.file_stem().expect("a name").to_string_lossy().into_owned();
        let printed = expand_file(&fs::read_to_string(&case).expect("text"));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, printed));
    }
}

fn expand_file(text: &str) -> String {
    let file = syn::parse_file(text).expect("a case is a file of Rust");
    let expanded = file.items.into_iter().map(|item| match item {
        syn::Item::Macro(call) => state_machine(call.mac.tokens),
        item => event::derive(quote::quote!(#item)),
    });
    prettyplease::unparse(&syn::parse2(expanded.collect()).expect("the expansion parses"))
}

#[test]
fn an_expansion_is_the_same_every_time() {
    let machine: TokenStream = MACHINE.parse().expect("tokens");
    assert_eq!(state_machine(machine.clone()).to_string(), state_machine(machine).to_string());
}

/// Whatever comes in: no panic, and what goes out parses.
fn holds(tokens: TokenStream) {
    let out = state_machine(tokens);
    if let Err(error) = syn::parse2::<syn::File>(out.clone()) {
        panic!("the expansion does not parse: {error}\n{out}");
    }
}

const WORDS: &[&str] = &[
    "machine",
    "M",
    "A",
    "B",
    "state",
    "final",
    "initial",
    "on",
    "if",
    "=>",
    "stay",
    "reject",
    "ignore",
    "internal",
    "emit",
    "do",
    "entry",
    "exit",
    "triggers",
    "events",
    "effects",
    "version",
    "data",
    "unhandled",
    "parallel",
    "after",
    "prove",
    "{}",
    "{ A, B }",
    "{ state A { on A => B; } }",
    "(x)",
    ";",
    ",",
    "_",
    "|",
    "1",
    "\"text\"",
    "'a",
    "#",
    "[allow(dead_end)]",
    "pub",
    "fn",
    "r#type",
    "self",
    "Self",
    "x",
    "::",
    ".",
    "?",
    "&&",
    "!",
    "..",
    "<",
    ">",
    "$",
    "raise",
    "retired",
];

const MACHINE: &str = "/// Doc. \n pub machine M { version 1; data D; triggers { A { n: u32 }, B(u8), C } events { E } effects { F { n: u32 } } \
    initial S; unhandled ignore; on C => T; state S { entry do F { n: 1 }; exit emit E; #[allow(dead_end)] on A { n } if n > 0 => P emit E do F { n }; \
    on A { .. } => reject \"no\"; ignore B; } state P { initial Q; state Q { on B(x) => internal_q; } } final T; }";

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_soup_of_words_never_panics(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..40), braced in any::<bool>()) {
        let soup = words.join(" ");
        let text = if braced { format!("machine M {{ {soup} }}") } else { soup };
        if let Ok(tokens) = text.parse::<TokenStream>() {
            holds(tokens);
        }
    }

    #[test]
    fn a_damaged_machine_never_panics(place in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), how in 0..3_u8) {
        let tokens: TokenStream = MACHINE.parse().expect("tokens");
        let count = count(&tokens);
        let damage = Damage { place: place.index(count), other: other.index(count), how };
        holds(damage.on(tokens));
    }
}

/// The block cut off behind each of its tokens, as an editor sees it while it is typed.
#[test]
fn a_half_typed_machine_never_panics() {
    let tokens: TokenStream = MACHINE.parse().expect("tokens");
    for place in 0..count(&tokens) {
        holds(Damage { place, other: 0, how: 3 }.on(tokens.clone()));
    }
}

fn count(tokens: &TokenStream) -> usize {
    tokens
        .clone()
        .into_iter()
        .map(|token| 1 + if let TokenTree::Group(group) = token { count(&group.stream()) } else { 0 })
        .sum()
}

/// Drops, doubles or replaces the token at a place, or cuts everything behind it.
struct Damage {
    place: usize,
    other: usize,
    how: u8,
}

impl Damage {
    fn on(&self, tokens: TokenStream) -> TokenStream {
        let mut flat = Vec::new();
        flatten(&tokens, &mut flat);
        let spare = flat.get(self.other).cloned();
        self.rebuild(tokens, &mut 0, spare.as_ref())
    }

    fn rebuild(&self, tokens: TokenStream, seen: &mut usize, spare: Option<&TokenTree>) -> TokenStream {
        let mut out = Vec::new();
        for token in tokens {
            let here = *seen;
            *seen += 1;
            let token = match token {
                TokenTree::Group(group) => {
                    let inner = self.rebuild(group.stream(), seen, spare);
                    TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner))
                }
                token => token,
            };
            match self.how {
                0 if here == self.place => {}
                1 if here == self.place => out.extend([token.clone(), token]),
                2 if here == self.place => out.extend(spare.cloned()),
                3 if here > self.place => {}
                _ => out.push(token),
            }
        }
        out.into_iter().collect()
    }
}

fn flatten(tokens: &TokenStream, flat: &mut Vec<TokenTree>) {
    for token in tokens.clone() {
        flat.push(token.clone());
        if let TokenTree::Group(group) = token {
            flatten(&group.stream(), flat);
        }
    }
}
