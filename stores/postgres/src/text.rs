//! Texts as the server can keep them: a column of text holds every character but NUL.
//!
//! NUL becomes the characters 1 1, and 1 becomes 1 2. What is written sorts by bytes as what was meant, and a prefix of the
//! one is a prefix of the other. All other texts are written as they are.

use std::borrow::Cow;

const ESCAPE: char = '\u{1}';

/// As it is written.
pub(crate) fn written(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{0}', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\u{0}' => out.push_str("\u{1}\u{1}"),
            ESCAPE => out.push_str("\u{1}\u{2}"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// As it was meant; `None` if it was not written by [`written`].
pub(crate) fn meant(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(ESCAPE) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            ESCAPE => match chars.next()? {
                '\u{1}' => out.push('\u{0}'),
                '\u{2}' => out.push(ESCAPE),
                _ => return None,
            },
            other => out.push(other),
        }
    }
    Some(Cow::Owned(out))
}

/// The first text behind everything that starts with `prefix`, at least among texts of `bytes_max` bytes.
pub(crate) fn behind(prefix: &str, bytes_max: usize) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Surrogates are no characters: the one behind U+D7FF is U+E000.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return chars.into_iter().collect();
        }
    }
    char::MAX.to_string().repeat(bytes_max / char::MAX.len_utf8() + 1)
}

#[cfg(test)]
mod tests {
    use super::{behind, meant, written};

    const TEXTS: [&str; 10] =
        ["", "\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{1}\u{1}", "\u{1}\u{2}", "\u{2}", "a\0b", "é"];

    #[test]
    fn texts_come_back_as_they_were_and_keep_their_order() {
        for text in TEXTS {
            assert_eq!(meant(&written(text)).as_deref(), Some(text), "{text:?}");
            for other in TEXTS {
                assert_eq!(text.cmp(other), written(text).cmp(&written(other)), "{text:?} {other:?}");
                assert_eq!(text.starts_with(other), written(text).starts_with(&*written(other)));
            }
        }
        assert_eq!(meant("\u{1}x"), None);
        assert_eq!(meant("\u{1}"), None);
    }

    #[test]
    fn what_is_behind_a_prefix_is_behind_all_that_start_with_it() {
        for prefix in ["a", "a\u{d7ff}", "a\u{10ffff}", "\u{10ffff}", ""] {
            let behind = behind(prefix, 16);
            let last = format!("{prefix}{}", "\u{10ffff}".repeat((16 - prefix.len()) / 4));
            assert!(last.starts_with(prefix) && last < behind, "{prefix:?} {behind:?}");
        }
        assert_eq!(behind("a/", 16), "a0");
    }
}
