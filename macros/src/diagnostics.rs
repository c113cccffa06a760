//! The one sink for errors, and the catalogue of rules.
//!
//! It does not decide what is wrong; every phase hands its findings in here, first parameter.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use std::thread;

/// A rule has one name, used in its file under `check/`, in `ui-tests/fail/`, in `docs/rules.md` and in messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// Judgement rules can be switched off with `#[allow(name)]`, or made a warning with `#[warn(name)]`.
    pub(crate) judgement: bool,
}

/// What becomes of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Allow,
    Warn,
    Deny,
}

impl Rule {
    /// What becomes of its findings where nothing else is asked for.
    pub(crate) fn level(self) -> Level {
        if self == UNGUARDED_FALLBACK { Level::Allow } else { Level::Deny }
    }
}

macro_rules! rules {
    ($($id:ident $name:literal $judgement:literal)*) => {
        $(pub(crate) const $id: Rule = Rule { name: $name, judgement: $judgement };)*
        pub(crate) const RULES: &[Rule] = &[$($id),*];
    };
}

rules! {
    UNKNOWN_NAME "unknown_name" false
    DUPLICATE_NAME "duplicate_name" false
    MISSING_INITIAL "missing_initial" false
    DUPLICATE_ARM "duplicate_arm" false
    SHADOWED_ARM "shadowed_arm" true
    UNREACHABLE_STATE "unreachable_state" true
    DEAD_END "dead_end" true
    NO_WAY_OUT "no_way_out" true
    FINAL_WITH_ARMS "final_with_arms" false
    UNUSED_TRIGGER "unused_trigger" true
    UNUSED_EVENT "unused_event" true
    UNUSED_EFFECT "unused_effect" true
    ENDLESS_MICROSTEPS "endless_microsteps" false
    UNGUARDED_FALLBACK "unguarded_fallback" true
    CONFLICTING_REGIONS "conflicting_regions" true
    CONFLICTING_TARGETS "conflicting_targets" false
    TIMER_MISUSE "timer_misuse" false
    TRANSIENT_TIMER "transient_timer" true
    IMPURE_GUARD "impure_guard" false
    UNPROVEN "unproven" false
    LIMIT_MISUSE "limit_misuse" false
    VERSION_MISUSE "version_misuse" false
    PERSONAL_MISUSE "personal_misuse" false
    LOCK_BROKEN "lock_broken" false
}

/// Collects errors, each at its tokens.
pub(crate) struct Diagnostics {
    errors: Vec<syn::Error>,
    warnings: TokenStream,
    read: bool,
}

impl Diagnostics {
    pub(crate) fn new() -> Self {
        Self { errors: Vec::new(), warnings: TokenStream::new(), read: false }
    }

    /// Reports text that is not of the language.
    pub(crate) fn error(&mut self, at: impl ToTokens, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new_spanned(at, message));
    }

    /// Reports text that should have gone on: there is no token to underline but the one before.
    pub(crate) fn error_at(&mut self, at: Span, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new(at, message));
    }

    /// Takes over what `syn` found.
    pub(crate) fn syn(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// Reports a broken rule: what is wrong, and how to mend it.
    pub(crate) fn broken(&mut self, rule: Rule, at: impl ToTokens, finding: (String, String)) {
        self.errors.push(syn::Error::new_spanned(at, text(rule, finding)));
    }

    /// The same for a judgement rule, at the level that is asked for there.
    pub(crate) fn judge(&mut self, judged: (Rule, Level), at: impl ToTokens, finding: (String, String)) {
        match judged {
            (_, Level::Allow) => {}
            (rule, Level::Deny) => self.broken(rule, at, finding),
            (rule, Level::Warn) => self.warnings.extend(warning(rule, at, &text(rule, finding))),
        }
    }

    /// How many errors there are; warnings do not count.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// Whether there is no error; warnings do not count.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The findings as code: one `compile_error!` for each error.
    pub(crate) fn take(&mut self) -> TokenStream {
        self.read = true;
        let errors = self.errors.drain(..).map(|error| error.to_compile_error());
        errors.chain([std::mem::take(&mut self.warnings)]).collect()
    }
}

fn text(rule: Rule, finding: (String, String)) -> String {
    let (wrong, help) = finding;
    let help = if help.is_empty() { String::new() } else { format!("\nhelp: {help}") };
    format!("{wrong}{help}\nnote: rule `{}`", rule.name)
}

/// A macro cannot warn on stable Rust; the use of something deprecated does, at the tokens at fault.
fn warning(rule: Rule, at: impl ToTokens, text: &str) -> TokenStream {
    let span = at.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    let name = Ident::new(rule.name, span);
    quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #text)]
            #[allow(non_upper_case_globals)]
            const #name: () = ();
            #name
        };
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        debug_assert!(self.read || thread::panicking(), "diagnostics were dropped unread");
    }
}

/// `help` that names the nearest of the known names, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, known).map_or_else(String::new, |known| format!("did you mean `{known}`?"))
}

/// The known name that is like this one, if any is.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let (distance, known) = known.into_iter().map(|k| (distance(name, k), k)).min()?;
    (distance <= length.max(3) / 3 && distance < length).then_some(known)
}

/// The known name that a slip of the pen or two makes of this one.
pub(crate) fn misspelt<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().find(|known| (1..=2).contains(&distance(name, known)))
}

/// Edits between two names, letter case aside: insertions, deletions, replacements, and swaps of neighbours (optimal
/// string alignment, after Damerau and Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let edited = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swaps = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swaps { edited.min(rows[i - 2][j - 2] + 1) } else { edited }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_edits() {
        let cases = [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "ABC", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("Mial", "Mail", 1),
        ];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_name_is_offered() {
        assert_eq!(nearest("Submited", ["Draft", "Submitted"]), "did you mean `Submitted`?");
        assert_eq!(nearest("Elsewhere", ["Draft", "Submitted"]), "");
        assert_eq!(nearest("C", ["A", "B"]), "");
    }
}
