//! The schemas of what the standard library has, as `serde` writes it.
//!
//! What `serde` writes differently on different systems (paths that are no text, system times) has none.

use super::{EventData, Field, Int, Schema};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16,
    NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

macro_rules! schemas {
    ($($schema:expr => $($type:ty),+;)*) => {
        $($(impl EventData for $type {
            const SCHEMA: Schema = $schema;
        })+)*
    };
}

macro_rules! integers {
    ($($type:ty, $nonzero:ty: $signed:literal $bits:literal;)*) => {
        $(schemas! {
            Schema::Int(Int { signed: $signed, bits: $bits, nonzero: false }) => $type;
            Schema::Int(Int { signed: $signed, bits: $bits, nonzero: true }) => $nonzero;
        })*
    };
}

integers! {
    u8, NonZeroU8: false 8;
    u16, NonZeroU16: false 16;
    u32, NonZeroU32: false 32;
    u64, NonZeroU64: false 64;
    u128, NonZeroU128: false 128;
    usize, NonZeroUsize: false 64;
    i8, NonZeroI8: true 8;
    i16, NonZeroI16: true 16;
    i32, NonZeroI32: true 32;
    i64, NonZeroI64: true 64;
    i128, NonZeroI128: true 128;
    isize, NonZeroIsize: true 64;
}

schemas! {
    Schema::Null => ();
    Schema::Bool => bool;
    Schema::Float(32) => f32;
    Schema::Float(64) => f64;
    Schema::Char => char;
    Schema::Text => str, String;
    Schema::Format("path") => std::path::Path, std::path::PathBuf;
    Schema::Format("ip") => std::net::IpAddr;
    Schema::Format("ipv4") => std::net::Ipv4Addr;
    Schema::Format("ipv6") => std::net::Ipv6Addr;
    Schema::Format("socket") => std::net::SocketAddr;
    Schema::Format("socketv4") => std::net::SocketAddrV4;
    Schema::Format("socketv6") => std::net::SocketAddrV6;
    Schema::Struct(&[Field::new::<u64>("secs"), Field::new::<u32>("nanos")]) => Duration;
}

impl<T: EventData> EventData for Option<T> {
    const SCHEMA: Schema = Schema::Maybe(&T::SCHEMA);
    const MAY_BE_ABSENT: bool = true;
}

macro_rules! transparent {
    ($($type:ty),*) => {
        $(impl<T: EventData + ?Sized> EventData for $type {
            const SCHEMA: Schema = T::SCHEMA;
            const MAY_BE_ABSENT: bool = T::MAY_BE_ABSENT;
        })*
    };
}

transparent!(&T, Box<T>, Arc<T>, Rc<T>);

impl<T: EventData + ToOwned + ?Sized> EventData for Cow<'_, T> {
    const SCHEMA: Schema = T::SCHEMA;
    const MAY_BE_ABSENT: bool = T::MAY_BE_ABSENT;
}

macro_rules! lists {
    ($($form:ident => $($type:ty),+;)*) => {
        $($(impl<T: EventData> EventData for $type {
            const SCHEMA: Schema = Schema::$form(&T::SCHEMA);
        })+)*
    };
}

lists! {
    List => [T], Vec<T>, VecDeque<T>, LinkedList<T>, BinaryHeap<T>;
    Set => BTreeSet<T>;
}

impl<T: EventData, S> EventData for HashSet<T, S> {
    const SCHEMA: Schema = Schema::Set(&T::SCHEMA);
}

impl<K: EventData, V: EventData> EventData for BTreeMap<K, V> {
    const SCHEMA: Schema = Schema::Map(&K::SCHEMA, &V::SCHEMA);
}

impl<K: EventData, V: EventData, S> EventData for HashMap<K, V, S> {
    const SCHEMA: Schema = Schema::Map(&K::SCHEMA, &V::SCHEMA);
}

impl<T: ?Sized> EventData for PhantomData<T> {
    const SCHEMA: Schema = Schema::Null;
}

impl<T: EventData, const N: usize> EventData for [T; N] {
    const SCHEMA: Schema = Schema::Array(&T::SCHEMA, N);
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: EventData, $($rest: EventData),*> EventData for ($first, $($rest,)*) {
            const SCHEMA: Schema = Schema::Tuple(&[$first::SCHEMA, $($rest::SCHEMA),*]);
        }
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);
