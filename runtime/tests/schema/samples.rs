//! Random values of types: a test draws bytes, and a value is made of them, so that what fails shrinks.

use serde::Serialize;
use serde::de::DeserializeOwned;
use statewright::event::{EventData, Schema};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that values are made of; behind the last all are 0.
pub(crate) struct Source<'a>(pub(crate) &'a [u8]);

impl Source<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        match self.byte() % 4 {
            0 => u64::MAX,
            1 => u64::from(self.byte()),
            2 => u64::from(self.byte()) << 24,
            _ => 1 << (self.byte() % 64),
        }
    }
}

pub(crate) trait Sample {
    fn pick(source: &mut Source<'_>) -> Self;
}

macro_rules! picked {
    ($($type:ty = $source:ident => $value:expr;)*) => {
        $(impl Sample for $type {
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "any bits will do")]
            fn pick($source: &mut Source<'_>) -> Self {
                $value
            }
        })*
    };
}

picked! {
    () = _source => ();
    bool = source => source.byte() > 127;
    u8 = source => source.byte();
    u32 = source => source.number() as u32;
    u64 = source => source.number();
    u128 = source => u128::from(source.number()) * u128::from(source.byte());
    i64 = source => source.number() as i64;
    i128 = source => -i128::from(source.number()) * i128::from(source.byte());
    std::num::NonZeroU32 = source => std::num::NonZeroU32::MIN.saturating_add(u32::pick(source));
    f32 = source => f32::from(source.byte()) / 8.0;
    f64 = source => f64::from(source.byte()) / 8.0;
    char = source => ['a', '"', '\n', 'ß', '🚚'][source.byte() as usize % 5];
    String = source => (0..source.byte() % 4).map(|_| char::pick(source)).collect();
    Box<str> = source => String::pick(source).into();
    std::borrow::Cow<'static, str> = source => String::pick(source).into();
    uuid::Uuid = source => uuid::Uuid::from_u128(u128::pick(source));
    std::time::Duration = source => std::time::Duration::new(source.number() / 2, u32::from(source.byte()));
    std::net::IpAddr = source => std::net::Ipv4Addr::from_bits(u32::pick(source)).into();
    jiff::Timestamp = source => jiff::Timestamp::from_second(i64::from(u32::pick(source))).expect("in range");
    jiff::SignedDuration = source => jiff::SignedDuration::from_secs(i64::from(u32::pick(source)));
    jiff::civil::Date = source => jiff::civil::date(2000 + i16::from(source.byte()), 2, 28);
    serde_json::Value = source => [serde_json::json!(null), serde_json::json!({"a": [1]})][source.byte() as usize % 2].clone();
}

impl<T: Sample> Sample for Option<T> {
    fn pick(source: &mut Source<'_>) -> Self {
        bool::pick(source).then(|| T::pick(source))
    }
}

impl<T: Sample> Sample for Box<T> {
    fn pick(source: &mut Source<'_>) -> Self {
        Self::new(T::pick(source))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn pick(source: &mut Source<'_>) -> Self {
        (0..source.byte() % 4).map(|_| T::pick(source)).collect()
    }
}

impl<T: Sample + Ord> Sample for BTreeSet<T> {
    fn pick(source: &mut Source<'_>) -> Self {
        Vec::pick(source).into_iter().collect()
    }
}

impl<T: Sample, const N: usize> Sample for [T; N] {
    fn pick(source: &mut Source<'_>) -> Self {
        std::array::from_fn(|_| T::pick(source))
    }
}

impl<A: Sample, B: Sample> Sample for (A, B) {
    fn pick(source: &mut Source<'_>) -> Self {
        (A::pick(source), B::pick(source))
    }
}

impl<K: Sample + Ord, V: Sample> Sample for BTreeMap<K, V> {
    fn pick(source: &mut Source<'_>) -> Self {
        Vec::<(K, V)>::pick(source).into_iter().collect()
    }
}

/// A type under test.
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) schema: Schema,
    /// A value, written; nothing where `serde` does not write it.
    pub(crate) write: fn(&mut Source<'_>) -> Option<String>,
    /// Reads, and writes what was read.
    pub(crate) rewrite: fn(&str) -> Result<String, serde_json::Error>,
}

impl Type {
    pub(crate) const fn of<T: Sample + EventData + Serialize + DeserializeOwned>(name: &'static str) -> Self {
        Self {
            name,
            schema: T::SCHEMA,
            write: |source| serde_json::to_string(&T::pick(source)).ok(),
            rewrite: |json| serde_json::from_str::<T>(json).and_then(|value| serde_json::to_string(&value)),
        }
    }
}

/// Derives everything for each type, and lists them as `TYPES`.
macro_rules! samples {
    (@define [$($meta:tt)*] struct $name:ident ($($types:tt)*)) => {
        #[allow(dead_code, reason = "`serde` alone looks at them")]
        #[derive(Serialize, Deserialize, EventData, Clone, Debug)]
        $($meta)*
        pub(crate) struct $name($($types)*);
    };
    (@define [$($meta:tt)*] $kind:ident $name:ident $body:tt) => {
        #[allow(dead_code, reason = "`serde` alone looks at them")]
        #[derive(Serialize, Deserialize, EventData, Clone, Debug)]
        $($meta)*
        pub(crate) $kind $name $body
    };
    (@pick struct $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        impl Sample for $name {
            fn pick(_source: &mut Source<'_>) -> Self {
                Self { $($field: <$type>::pick(_source)),* }
            }
        }
    };
    (@pick struct $name:ident ($($(#[$meta:meta])* $type:ty),* $(,)?)) => {
        impl Sample for $name {
            fn pick(_source: &mut Source<'_>) -> Self {
                Self($(<$type>::pick(_source)),*)
            }
        }
    };
    (@pick enum $name:ident { $($(#[$meta:meta])* $variant:ident
        $(($($(#[$inner:meta])* $type:ty),* $(,)?))?
        $({ $($(#[$of:meta])* $field:ident: $held:ty),* $(,)? })?
    ),* $(,)? }) => {
        impl Sample for $name {
            fn pick(source: &mut Source<'_>) -> Self {
                let picks: &[fn(&mut Source<'_>) -> Self] = &[
                    $(|_source| $name::$variant
                        $(($(<$type>::pick(_source)),*))?
                        $({ $($field: <$held>::pick(_source)),* })?),*
                ];
                picks[source.byte() as usize % picks.len()](source)
            }
        }
    };
    ($($(#[$meta:meta])* $kind:ident $name:ident $body:tt $(;)?)*) => {
        $(
            samples!(@define [$(#[$meta])*] $kind $name $body);
            samples!(@pick $kind $name $body);
        )*
        pub(crate) const TYPES: &[Type] = &[$(Type::of::<$name>(stringify!($name))),*];
    };
}
pub(crate) use samples;
