//! `rename_all`: the cases of names, as `serde` makes them.

use super::attribute::Key;
use crate::diagnostics::{Diagnostics, nearest};

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Case {
    #[default]
    AsWritten,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const CASES: &[(&str, Case)] = &[
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

pub(super) fn read_case(diagnostics: &mut Diagnostics, key: &Key) -> Case {
    let Some(text) = key.text(diagnostics) else { return Case::AsWritten };
    if let Some((_, case)) = CASES.iter().find(|(name, _)| *name == text) {
        return *case;
    }
    let near = nearest(&text, CASES.iter().map(|(name, _)| *name));
    let help = if near.is_empty() { String::new() } else { format!("\nhelp: {near}") };
    diagnostics.error(&key.value, format!("`{text}` is no case of names{help}"));
    Case::AsWritten
}

impl Case {
    /// The name of a field, which is written in snake case.
    pub(super) fn of_field(self, name: &str) -> String {
        match self {
            Self::AsWritten | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capitalised).collect(),
            Self::Camel => uncapitalised(&Self::Pascal.of_field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// The name of a variant, which is written in Pascal case.
    pub(super) fn of_variant(self, name: &str) -> String {
        match self {
            Self::AsWritten | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalised(name),
            Self::Snake => snake(name),
            Self::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Self::Kebab => snake(name).replace('_', "-"),
            Self::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// One `_` before every capital but the first, as `serde` does it: `HTTPCall` is `h_t_t_p_call`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn capitalised(word: &str) -> String {
    with_first(word, |c| c.to_ascii_uppercase())
}

fn uncapitalised(word: &str) -> String {
    with_first(word, |c| c.to_ascii_lowercase())
}

fn with_first(word: &str, change: fn(char) -> char) -> String {
    let mut rest = word.chars();
    rest.next().map(change).into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::{CASES, Case};

    #[test]
    fn names_are_as_serde_makes_them() {
        let expected = [
            ("unit_price", "VeryTasty", "verytasty"),
            ("UNIT_PRICE", "VeryTasty", "VERYTASTY"),
            ("UnitPrice", "VeryTasty", "VeryTasty"),
            ("unitPrice", "VeryTasty", "veryTasty"),
            ("unit_price", "VeryTasty", "very_tasty"),
            ("UNIT_PRICE", "VeryTasty", "VERY_TASTY"),
            ("unit-price", "VeryTasty", "very-tasty"),
            ("UNIT-PRICE", "VeryTasty", "VERY-TASTY"),
        ];
        for ((name, case), (field, from, variant)) in CASES.iter().zip(expected) {
            assert_eq!(
                (case.of_field("unit_price"), case.of_variant(from)),
                (field.into(), variant.into()),
                "{name}"
            );
        }
        assert_eq!(Case::Snake.of_variant("HTTPCall"), "h_t_t_p_call");
    }
}
