//! Source text of tokens, for explanations and diagrams.

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};

/// The tokens as they were written, white space folded: a gap in the source is one space.
pub(crate) fn source_text(tokens: TokenStream) -> String {
    let mut text = Text::default();
    text.push_all(tokens);
    text.out
}

#[derive(Default)]
struct Text {
    out: String,
    end: Option<LineColumn>,
}

impl Text {
    fn push_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    self.push(open, group.span_open().start(), group.span_open().end());
                    self.push_all(group.stream());
                    self.push(close, group.span_close().start(), group.span_close().end());
                }
                token => self.push(&token.to_string(), token.span().start(), token.span().end()),
            }
        }
    }

    fn push(&mut self, text: &str, start: LineColumn, end: LineColumn) {
        let gap = self.end.is_some_and(|end| end != start);
        let glued = self.out.ends_with(is_word) && text.starts_with(is_word);
        if !text.is_empty() && (gap || glued) && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.end = Some(end);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::source_text;

    #[test]
    fn text_is_as_written_with_white_space_folded() {
        for text in ["!lines.is_empty()", "a >= b && f(&x)", "Pay { cents }", "x as u32", "vec![1, 2]"] {
            let spread = text.replace(' ', "\n    ");
            assert_eq!(source_text(spread.parse().expect("tokens")), text);
        }
    }
}
