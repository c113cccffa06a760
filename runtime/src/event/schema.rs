//! Schemas: what `serde` writes of a type, known at compile time.
//!
//! A schema has one canonical text, and two types with one text write and read the same JSON:
//!
//! | text | what is written |
//! |---|---|
//! | `null`, `bool`, `u8` … `u128`, `i8` … `i128`, `f32`, `f64`, `char`, `string` | what the name says; `usize` is `u64` |
//! | `nonzero u32` | a number that is not 0 |
//! | `uuid`, `timestamp`, `date` … | a string of that form |
//! | `string?` | the same, or `null` |
//! | `[u64]`, `set[u64]`, `[u64; 3]`, `(u64, string)` | an array: any number, none twice, so many, one of each |
//! | `map{string: u64}` | an object with any keys |
//! | `{at: timestamp, note: string?}` | an object with these keys, sorted by name |
//! | `enum{Cash, Card: {last: string}}` | one of the variants, sorted: `"Cash"` or `{"Card": …}` |
//! | `enum(kind){…}`, `enum(kind, of){…}` | the variant's name under a key beside its fields; under a key beside its content |
//! | `untagged{u64, string}` | the content alone; read as the first that fits, so in source order |
//! | `Email(string)` | what `try_from` checks when it is read |
//! | `personal(string)` | sealed with the key of its subject; inside is what was sealed |
//! | `opaque json` | not looked into |
//!
//! `note?: T` may be absent when it is read, as may each `note: T?` that is not `note!: T?`. `note~: T` is not always
//! written. `unwritten note: T` is read only, `unread note: T` is written only. `qty|count: T` is written as
//! `qty` and read as `count` too. What is flattened stands among the keys; a part whose keys are not known stands
//! behind them as `..map{string: u64}`.
//!
//! A text has no line break and no quote, and its brackets are balanced: in a name every ASCII character but letters,
//! digits, `_`, `-` and `.` is written `%20`, by its code. So `, ` at depth zero is between fields and nothing else.
//!
//! A schema says nothing of values: a float that is no number is written as `null`, which no float reads.

mod foreign;
mod reads;
mod standard;
mod text;

pub use reads::{Incompatible, Why};
pub use text::{as_text, hash, text_len, write_text};

/// What `serde` writes of a type. Implemented by `#[derive(EventData)]`, and with it by `#[derive(EventVersion)]`.
///
/// It holds for types whose `Serialize` and `Deserialize` are derived; one that writes them by hand says
/// `#[event(opaque)]`. A type that contains itself has no schema that a constant could hold: the field in which it
/// does is `#[event(opaque)]` as well.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what is recorded of it",
    label = "no schema",
    note = "derive it: `#[derive(EventData)]` above `{Self}`",
    note = "or mark the field that holds it `#[event(opaque)]`: then changes inside it are not noticed"
)]
pub trait EventData {
    /// What is written.
    const SCHEMA: Schema;
    /// Whether a field of this type may be absent when it is read.
    const MAY_BE_ABSENT: bool = false;
}

/// What is written of a value, as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schema {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int(Int),
    /// A number of so many bits: 32 or 64.
    Float(u8),
    /// A string of one character.
    Char,
    /// Any string.
    Text,
    /// A string of a known form.
    Format(&'static str),
    /// What a type of this name checks when it reads it.
    Checked(&'static str, &'static Schema),
    /// Personal data, sealed; inside is what is there when it is opened.
    Personal(&'static Schema),
    /// It, or `null`.
    Maybe(&'static Schema),
    /// An array of any length.
    List(&'static Schema),
    /// An array in which nothing stands twice.
    Set(&'static Schema),
    /// An array of this length.
    Array(&'static Schema, usize),
    /// An array with one element for each.
    Tuple(&'static [Schema]),
    /// An object with any keys: the schemas of keys and values.
    Map(&'static Schema, &'static Schema),
    /// An object with known keys.
    Struct(&'static [Field]),
    /// One of several.
    Enum(Tagging, &'static [Variant]),
    /// Not looked into; only its name is known.
    Opaque(&'static str),
}

/// A whole number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Int {
    /// Whether it can be negative.
    pub signed: bool,
    /// How many bits it has: 8 to 128.
    pub bits: u8,
    /// Whether 0 is refused.
    pub nonzero: bool,
}

/// A key of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The key under which it is written.
    pub name: &'static str,
    /// Further keys under which it is read.
    pub aliases: &'static [&'static str],
    /// What stands there.
    pub schema: Schema,
    /// Whether it is written.
    pub written: Written,
    /// Whether it is read.
    pub read: Reading,
    /// Whether the keys of `schema` stand in place of this one, which has no name then.
    pub flatten: bool,
}

/// Whether a field is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is there.
    Always,
    /// It is left out at times: `skip_serializing_if`.
    Sometimes,
    /// It is left out: `skip_serializing`.
    Never,
}

/// Whether a field is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// It must be there.
    Required,
    /// It may be absent.
    Optional,
    /// It is passed over: `skip_deserializing`.
    Never,
}

/// Where the name of a variant stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tagging {
    /// Around the content: `{"Card": …}`.
    External,
    /// Under this key, beside the fields.
    Internal(&'static str),
    /// Under the first key, beside the content under the second.
    Adjacent(&'static str, &'static str),
    /// Nowhere.
    Untagged,
}

/// One of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variant {
    /// The name under which it is written.
    pub name: &'static str,
    /// Further names under which it is read.
    pub aliases: &'static [&'static str],
    /// What it holds; nothing for a unit variant.
    pub content: Option<Schema>,
    /// Whether it is written.
    pub written: bool,
    /// Whether it is read.
    pub read: bool,
}

impl Field {
    /// A field of this type.
    pub const fn new<T: EventData>(name: &'static str) -> Self {
        let read = if T::MAY_BE_ABSENT { Reading::Optional } else { Reading::Required };
        Self { name, aliases: &[], schema: T::SCHEMA, written: Written::Always, read, flatten: false }
    }

    /// A field that is not looked into.
    pub const fn opaque(name: &'static str, type_name: &'static str) -> Self {
        let schema = Schema::Opaque(type_name);
        Self { name, aliases: &[], schema, written: Written::Always, read: Reading::Required, flatten: false }
    }

    /// It is read under these names too.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says whether it is written.
    #[must_use]
    pub const fn written(mut self, written: Written) -> Self {
        self.written = written;
        self
    }

    /// Says whether it is read.
    #[must_use]
    pub const fn read(mut self, read: Reading) -> Self {
        self.read = read;
        self
    }

    /// Its keys stand in place of it.
    #[must_use]
    pub const fn flatten(mut self) -> Self {
        self.flatten = true;
        self
    }

    /// Whether it is read under this key.
    pub fn is_read_as(&self, key: &str) -> bool {
        self.read != Reading::Never && (self.name == key || self.aliases.contains(&key))
    }
}

impl Variant {
    /// A variant with this content.
    pub const fn new(name: &'static str, content: Option<Schema>) -> Self {
        Self { name, aliases: &[], content, written: true, read: true }
    }

    /// It is read under these names too.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Says whether it is written, and whether it is read.
    #[must_use]
    pub const fn used(mut self, written: bool, read: bool) -> Self {
        self.written = written;
        self.read = read;
        self
    }

    /// Whether it is read under this name.
    pub fn is_read_as(&self, name: &str) -> bool {
        self.read && (self.name == name || self.aliases.contains(&name))
    }
}

impl Schema {
    /// How often personal data stands in it.
    pub const fn personal(&self) -> usize {
        match self {
            Self::Personal(of) => 1 + of.personal(),
            Self::Checked(_, of) | Self::Maybe(of) | Self::List(of) | Self::Set(of) | Self::Array(of, _) => {
                of.personal()
            }
            Self::Map(key, value) => key.personal() + value.personal(),
            Self::Tuple(of) => {
                let (mut count, mut at) = (0, 0);
                while at < of.len() {
                    count += of[at].personal();
                    at += 1;
                }
                count
            }
            Self::Struct(fields) => {
                let (mut count, mut at) = (0, 0);
                while at < fields.len() {
                    count += fields[at].schema.personal();
                    at += 1;
                }
                count
            }
            Self::Enum(_, variants) => {
                let (mut count, mut at) = (0, 0);
                while at < variants.len() {
                    if let Some(content) = &variants[at].content {
                        count += content.personal();
                    }
                    at += 1;
                }
                count
            }
            _ => 0,
        }
    }
}
