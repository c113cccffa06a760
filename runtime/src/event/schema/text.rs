//! The canonical text of a schema, at compile time and at run time, and its hash.
//!
//! One pass over the schema serves both counting and writing: what does not fit into the bytes is counted alone.

mod order;

use super::{Field, Int, Reading, Schema, Tagging, Variant, Written};
use std::fmt;

/// The length of the canonical text, in bytes.
pub const fn text_len(schema: &Schema) -> usize {
    let mut printer = Printer::over(&mut []);
    printer.schema(schema);
    printer.len
}

/// The canonical text; `N` is its [`text_len`].
pub const fn write_text<const N: usize>(schema: &Schema) -> [u8; N] {
    let mut bytes = [0; N];
    let mut printer = Printer::over(&mut bytes);
    printer.schema(schema);
    bytes
}

/// The bytes of [`write_text`] as text.
///
/// # Panics
/// At compile time, when they are none.
pub const fn as_text(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("the text of a schema is UTF-8"),
    }
}

/// A hash of the canonical text: FNV-1a, 64 bits.
pub const fn hash(schema: &Schema) -> u64 {
    let mut printer = Printer::over(&mut []);
    printer.schema(schema);
    printer.hash
}

/// The canonical text.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![0; text_len(self)];
        Printer::over(&mut bytes).schema(self);
        f.pad(&String::from_utf8_lossy(&bytes))
    }
}

struct Printer<'a> {
    bytes: &'a mut [u8],
    len: usize,
    hash: u64,
}

impl<'a> Printer<'a> {
    const fn over(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < self.bytes.len() {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
        self.hash = (self.hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3);
    }

    const fn text(&mut self, text: &str) {
        let mut at = 0;
        while at < text.len() {
            self.byte(text.as_bytes()[at]);
            at += 1;
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(DIGITS[number % 10]);
    }

    const fn name(&mut self, name: &str) {
        let mut at = 0;
        while at < name.len() {
            let byte = name.as_bytes()[at];
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() || matches!(byte, b'_' | b'-' | b'.') {
                self.byte(byte);
            } else {
                self.byte(b'%');
                self.byte(DIGITS[(byte >> 4) as usize]);
                self.byte(DIGITS[(byte & 15) as usize]);
            }
            at += 1;
        }
    }

    const fn names(&mut self, name: &str, aliases: &[&str]) {
        self.name(name);
        let mut at = 0;
        while at < aliases.len() {
            self.byte(b'|');
            self.name(aliases[at]);
            at += 1;
        }
    }

    const fn schema(&mut self, schema: &Schema) {
        match schema {
            Schema::Null => self.text("null"),
            Schema::Bool => self.text("bool"),
            Schema::Int(int) => self.int(*int),
            Schema::Float(bits) => {
                self.byte(b'f');
                self.number(*bits as usize);
            }
            Schema::Char => self.text("char"),
            Schema::Text => self.text("string"),
            Schema::Format(name) => self.name(name),
            Schema::Checked(name, of) => {
                self.name(name);
                self.around("(", of, ")");
            }
            Schema::Personal(of) => self.around("personal(", of, ")"),
            Schema::Maybe(of) => self.around("", of, "?"),
            Schema::List(of) => self.around("[", of, "]"),
            Schema::Set(of) => self.around("set[", of, "]"),
            Schema::Array(of, len) => {
                self.around("[", of, "; ");
                self.number(*len);
                self.byte(b']');
            }
            Schema::Tuple(of) => self.tuple(of),
            Schema::Map(key, value) => {
                self.around("map{", key, ": ");
                self.around("", value, "}");
            }
            Schema::Struct(fields) => self.fields(fields),
            Schema::Enum(tagging, variants) => self.variants(*tagging, variants),
            Schema::Opaque(name) => {
                self.text("opaque ");
                self.name(name);
            }
        }
    }

    const fn around(&mut self, before: &str, schema: &Schema, after: &str) {
        self.text(before);
        self.schema(schema);
        self.text(after);
    }

    const fn int(&mut self, int: Int) {
        if int.nonzero {
            self.text("nonzero ");
        }
        self.byte(if int.signed { b'i' } else { b'u' });
        self.number(int.bits as usize);
    }

    const fn tuple(&mut self, of: &[Schema]) {
        let mut before = "(";
        let mut at = 0;
        while at < of.len() {
            self.around(before, &of[at], "");
            before = ", ";
            at += 1;
        }
        self.text(if of.is_empty() { "()" } else { ")" });
    }

    const fn fields(&mut self, fields: &[Field]) {
        self.byte(b'{');
        let mut first = true;
        let mut at = 0;
        let in_order = order::are_fields_in_order(fields);
        while in_order && at < fields.len() {
            if !fields[at].flatten {
                self.between(&mut first);
                self.field(&fields[at]);
            }
            at += 1;
        }
        let mut next = if in_order { None } else { order::next_field(fields, None) };
        while let Some(field) = next {
            self.between(&mut first);
            self.field(field);
            next = order::next_field(fields, Some(field.name));
        }
        self.rests(fields, &mut first);
        self.byte(b'}');
    }

    const fn between(&mut self, first: &mut bool) {
        if !*first {
            self.text(", ");
        }
        *first = false;
    }

    const fn field(&mut self, field: &Field) {
        if matches!(field.written, Written::Never) {
            self.text("unwritten ");
        }
        if matches!(field.read, Reading::Never) {
            self.text("unread ");
        }
        self.names(field.name, field.aliases);
        match (field.read, &field.schema) {
            (Reading::Required, Schema::Maybe(_)) => self.byte(b'!'),
            (Reading::Optional, Schema::Maybe(_)) | (Reading::Required | Reading::Never, _) => {}
            (Reading::Optional, _) => self.byte(b'?'),
        }
        if matches!(field.written, Written::Sometimes) {
            self.byte(b'~');
        }
        self.around(": ", &field.schema, "");
    }

    /// What is flattened and is no struct, in source order.
    const fn rests(&mut self, fields: &[Field], first: &mut bool) {
        let mut at = 0;
        while at < fields.len() {
            match (fields[at].flatten, &fields[at].schema) {
                (true, Schema::Struct(inner)) => self.rests(inner, first),
                (true, schema) => {
                    self.between(first);
                    self.around("..", schema, "");
                }
                (false, _) => {}
            }
            at += 1;
        }
    }

    const fn variants(&mut self, tagging: Tagging, variants: &[Variant]) {
        match tagging {
            Tagging::External => self.text("enum{"),
            Tagging::Untagged => return self.untagged(variants),
            Tagging::Internal(tag) => {
                self.text("enum(");
                self.name(tag);
                self.text("){");
            }
            Tagging::Adjacent(tag, content) => {
                self.text("enum(");
                self.name(tag);
                self.text(", ");
                self.name(content);
                self.text("){");
            }
        }
        let mut first = true;
        let mut at = 0;
        let in_order = order::are_variants_in_order(variants);
        while in_order && at < variants.len() {
            self.between(&mut first);
            self.variant(&variants[at]);
            at += 1;
        }
        let mut next = if in_order { None } else { order::next_variant(variants, None) };
        while let Some(variant) = next {
            self.between(&mut first);
            self.variant(variant);
            next = order::next_variant(variants, Some(variant.name));
        }
        self.byte(b'}');
    }

    const fn variant(&mut self, variant: &Variant) {
        self.used(variant);
        self.names(variant.name, variant.aliases);
        if let Some(content) = &variant.content {
            self.around(": ", content, "");
        }
    }

    const fn used(&mut self, variant: &Variant) {
        if !variant.written {
            self.text("unwritten ");
        }
        if !variant.read {
            self.text("unread ");
        }
    }

    const fn untagged(&mut self, variants: &[Variant]) {
        self.text("untagged{");
        let mut first = true;
        let mut at = 0;
        while at < variants.len() {
            self.between(&mut first);
            self.used(&variants[at]);
            match &variants[at].content {
                Some(content) => self.schema(content),
                None => self.text("null"),
            }
            at += 1;
        }
        self.byte(b'}');
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
