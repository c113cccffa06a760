//! What is derived for schemas, in a module in which nothing stands for itself, and with parameters.

mod hidden {
    #![allow(dead_code, non_camel_case_types)]

    pub struct Option;
    pub struct Result;
    pub struct Vec;
    pub struct String;
    pub struct Schema;
    pub struct Field;
    pub trait EventData {}
    pub mod core {}
    pub mod std {}
    pub mod statewright {}
    pub mod serde {}

    #[derive(::statewright::EventData)]
    pub struct r#struct<'a, T: ?Sized, const N: usize> {
        r#type: &'a T,
        many: [u8; N],
        none: (),
    }

    #[derive(::statewright::EventData)]
    pub enum r#enum {
        None,
        Some(r#struct<'static, str, 2>),
        r#loop { r#match: (u8, bool) },
    }
}

mod words {
    use serde::{Deserialize, Serialize};
    use statewright::prelude::*;

    #[derive(EventData, Serialize, Deserialize, Clone, Debug)]
    #[serde(bound = "T: Serialize + serde::de::DeserializeOwned")]
    pub struct Page<T> {
        #[serde(default, alias = "rows")]
        lines: Vec<T>,
        #[serde(flatten)]
        place: Place,
    }

    #[derive(EventData, Serialize, Deserialize, Clone, Debug)]
    pub struct Place {
        street: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        floor: Option<i8>,
    }

    #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "page.read", version = 1)]
    pub struct PageRead(Page<(u8, char)>);

    #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "page.torn", version = 1, opaque)]
    pub struct PageTorn(std::time::SystemTime);
}

fn main() {
    use statewright::event::{EventData, EventVersion};
    let text = <hidden::r#enum as EventData>::SCHEMA.to_string();
    assert_eq!(text, "enum{None, Some: {many: [u8; 2], none: null, type: string}, loop: {match: (u8, bool)}}");
    assert_eq!(words::PageRead::SCHEMA_TEXT, "{floor~: i8?, lines|rows?: [(u8, char)], street: string}");
    assert_eq!(words::PageTorn::SCHEMA_TEXT, "opaque PageTorn");
}
