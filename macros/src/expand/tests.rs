//! What is printed, case by case, and that nothing makes the compiler panic.

use super::state_machine;
use crate::diagnostics::Diagnostics;
use crate::emit::emit_echoes;
use crate::event;
use crate::parse::parse_machine;
use crate::schema;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
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
        item => {
            let item = quote::quote!(#item);
            if item.to_string().contains("EventData") { schema::derive(item) } else { event::derive(item) }
        }
    });
    prettyplease::unparse(&syn::parse2(expanded.collect()).expect("the expansion parses"))
}

#[test]
fn an_expansion_is_the_same_every_time() {
    let machine: TokenStream = MACHINE.parse().expect("tokens");
    assert_eq!(state_machine(machine.clone()).to_string(), state_machine(machine).to_string());
}

/// What is written to be sound is: the tests below cut and damage a machine, and not a refusal.
#[test]
fn the_machines_here_are_sound() {
    let out = state_machine(WHOLE.parse().expect("tokens")).to_string();
    assert!(!out.contains("compile_error"), "{}", &out[..out.len().min(900)]);
}

/// Whatever comes in: no panic, and what goes out parses, with the echoes for editors and without.
fn holds(tokens: TokenStream) {
    let diagnostics = &mut Diagnostics::new();
    let echoes = parse_machine(diagnostics, tokens.clone()).map(|machine| emit_echoes(&machine));
    diagnostics.take();
    let out = state_machine(tokens);
    let out = quote::quote!(#echoes #out);
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
    "region",
    "history",
    "deep",
    "always",
    "done",
    "every",
    "limit",
    "migrate",
    "per",
    "burst",
    "requires",
    "never",
    "~>",
    "handled",
    "ends",
    "5m",
    "0s",
    "(A, B)",
    "{ region A { initial B; state B { on A => B; } } }",
    "{ A requires B; }",
    "[internal]",
    "[unordered]",
];

const MACHINE: &str = "/// Doc. \n pub machine M { version 1; data D; triggers { A { n: u32 }, B(u8), C } events { E } effects { F { n: u32 } } \
    initial S; unhandled ignore; on C => T; state S { entry do F { n: 1 }; exit emit E; #[allow(dead_end)] on A { n } if n > 0 => P emit E do F { n }; \
    on A { .. } => reject \"no\"; ignore B; } state P { initial Q; state Q { on B(x) => internal_q; } } final T; }";

/// Every construct of the language, sound as it stands.
const WHOLE: &str = "#[warn(unguarded_fallback)] pub machine W { version 2; data D; triggers { A { n: u32 }, B, C, #[internal] R(u8) } \
    events { E } effects { F { n: u32 }, #[unordered] G } initial P; every 1h => stay; on C => T; limit 3 per 1s burst 5 on A, B per tenant; migrate { Old => X; } \
    parallel P { deep history H; entry do F { n: 1 }; done => Y; on A { n } => (X2, Y2) raise R(1); \
    region Left { initial X; on R(_) => internal X2; state X { after 5m if data.ok() => X2 emit E; on B => X2; } final X2; } \
    region Right { initial Y1; history S => Y1; state Y1 { on B => Y2; ignore A; } final Y2; } } \
    state Y { after (span()) => T; always if data.ok() => H; on B => S do G; } final T; \
    prove { T requires P; never T ~> Y; P reaches T; always ends; handled C; } }";

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
}

proptest! {
    // Each expands a whole machine.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_machine_never_panics(place in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), how in 0..3_u8, whole in any::<bool>()) {
        let tokens: TokenStream = if whole { WHOLE } else { MACHINE }.parse().expect("tokens");
        let count = count(&tokens);
        let damage = Damage { place: place.index(count), other: other.index(count), how };
        holds(damage.on(tokens));
    }
}

/// The block cut off behind each of its tokens, as an editor sees it while it is typed: no panic, and all types are
/// there as soon as the machine has a name and braces.
#[test]
fn a_half_typed_machine_never_panics_and_has_its_types() {
    for (machine, name) in [(MACHINE, "M"), (WHOLE, "W")] {
        let tokens: TokenStream = machine.parse().expect("tokens");
        for place in 0..count(&tokens) {
            let cut = Damage { place, other: 0, how: 3 }.on(tokens.clone());
            let braced = cut.clone().into_iter().any(
                |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace),
            );
            let out = state_machine(cut.clone()).to_string();
            holds(cut);
            for suffix in ["State", "Node", "Trigger"].iter().filter(|_| braced) {
                assert!(out.contains(&format!("enum {name}{suffix}")), "cut at {place}: no `{name}{suffix}`");
            }
        }
    }
}

/// What is said of a cut block lies in the item that was cut; besides, names are missing that were declared behind it.
#[test]
fn a_cut_machine_has_errors_at_the_cut_only() {
    for machine in [MACHINE, WHOLE] {
        let tokens: TokenStream = machine.parse().expect("tokens");
        // Before the braces there is no item.
        let header = tokens.clone().into_iter().count();
        for place in header..count(&tokens) {
            let cut = Damage { place, other: 0, how: 3 }.on(tokens.clone());
            let mut left = Vec::new();
            flatten(&cut, &mut left);
            let ends = left.iter().map(|token| token.span().end().column).max().expect("a token");
            let item = left.iter().filter(|token| token.to_string() == ";").map(starts).max().unwrap_or(0);
            for (at, said) in errors(&state_machine(cut.clone())) {
                let here = item <= at && at <= ends;
                assert!(here || is_missing(&left, &said), "cut at {place}: {said} at {at}: {cut}");
            }
        }
    }
}

/// A statement that is half typed, with the others behind it: what is said lies in it, or names what it would declare.
#[test]
fn a_half_typed_statement_has_errors_of_its_own_only() {
    for machine in [MACHINE, WHOLE] {
        let cuts = cut_statements(&machine.parse().expect("tokens"));
        assert!(cuts.len() > 40, "statements are missing");
        for (cut, (begin, end)) in cuts {
            let mut left = Vec::new();
            flatten(&cut, &mut left);
            for (at, said) in errors(&state_machine(cut.clone())) {
                let here = begin <= at && at <= end;
                assert!(here || is_missing(&left, &said), "{said} at {at}, not in {begin}..={end}: {cut}");
            }
        }
    }
}

/// Each statement cut off behind each of its tokens, its `;` included, with the columns that are left of it.
fn cut_statements(tokens: &TokenStream) -> Vec<(TokenStream, (usize, usize))> {
    let list: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let without =
        |from: usize, to: usize| list[..from].iter().chain(&list[to..]).cloned().collect::<TokenStream>();
    let (mut cuts, mut begin) = (Vec::new(), 0);
    for (at, token) in list.iter().enumerate() {
        if token.to_string() == ";" {
            let left = (begin + 1)..=at;
            cuts.extend(left.map(|cut| {
                (without(cut, at + 1), (starts(&list[begin]), list[cut - 1].span().end().column))
            }));
            begin = at + 1;
        }
        let TokenTree::Group(group) = token else { continue };
        for (inner, place) in cut_statements(&group.stream()) {
            let mut rebuilt = proc_macro2::Group::new(group.delimiter(), inner);
            rebuilt.set_span(group.span());
            let around =
                list[..at].iter().cloned().chain([rebuilt.into()]).chain(list[at + 1..].iter().cloned());
            cuts.push((around.collect(), place));
        }
        let is_block = |token: &TokenTree| BLOCKS.contains(&token.to_string().as_str());
        if group.delimiter() == Delimiter::Brace && list[begin..at].iter().any(is_block) {
            begin = at + 1;
        }
    }
    cuts
}

/// Words whose braces end an item.
const BLOCKS: &[&str] =
    &["state", "parallel", "region", "triggers", "events", "effects", "migrate", "prove", "machine"];

/// Whether it is said of something that is not declared before the cut.
fn is_missing(left: &[TokenTree], said: &str) -> bool {
    if said.contains("has no `initial`") || said.contains("has no region") {
        return true;
    }
    let Some((_, name)) = said.split_once("there is no state `") else { return false };
    let name = name.split('`').next().unwrap_or_default();
    let declares = |pair: &[TokenTree]| {
        ["state", "parallel", "region", "final", "history"].contains(&pair[0].to_string().as_str())
            && pair[1].to_string() == name
    };
    !left.windows(2).any(declares)
}

/// The column in which a token starts, in a text of one line.
fn starts(token: &TokenTree) -> usize {
    token.span().start().column
}

/// Every `compile_error!` with the column of what it underlines.
fn errors(expansion: &TokenStream) -> Vec<(usize, String)> {
    let mut flat = Vec::new();
    flatten(expansion, &mut flat);
    let calls = flat.windows(4).filter(|call| call[0].to_string() == "compile_error");
    calls.map(|call| (starts(&call[0]), call[3].to_string())).collect()
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
                    let cut = self.how == 3 && *seen > self.place;
                    // An editor closes what was cut behind its last token.
                    let last = inner.clone().into_iter().last().map_or(group.span_open(), |last| last.span());
                    let mut rebuilt = proc_macro2::Group::new(group.delimiter(), inner);
                    rebuilt.set_span(if cut { last } else { group.span() });
                    TokenTree::Group(rebuilt)
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

/// More than ids can count: refused where the first one too many stands, and nothing overflows.
fn is_refused(item: &str, around: (&str, &str), what: &str) {
    let items: String = (0..65_600).map(|n| item.replace('#', &n.to_string())).collect();
    let machine = format!("machine M {{ {}{items}{} }}", around.0, around.1);
    let out = state_machine(machine.parse().expect("tokens")).to_string();
    assert_eq!(out.matches(&format!("a machine has at most 65,534 {what}")).count(), 1);
}

#[test]
fn too_many_arms_are_refused() {
    is_refused("always if a => stay;", ("initial S; state S {", "}"), "arms");
}

#[test]
fn too_many_triggers_are_refused() {
    is_refused("T#,", ("triggers {", "} initial S; state S { }"), "triggers");
}

#[test]
fn too_many_states_are_refused() {
    is_refused("final S#;", ("initial S0;", ""), "states");
}
