use serde::{Deserialize, Serialize};
use statewright::prelude::*;

mod money {
    pub fn serialize<S: serde::Serializer>(cents: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(*cents)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid {
    #[serde(with = "money")]
    cents: u64,
    #[event(opaque)]
    #[serde(with = "money")]
    tip: u64,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind")]
struct Tagged {
    n: u32,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all(serialize = "camelCase", deserialize = "snake_case"))]
struct TwoNames {
    unit_price: u32,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
struct Moving(u32, #[serde(skip)] u32);

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
enum Mixed {
    A,
    #[serde(untagged)]
    B(String),
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[serde(from = "u32")]
struct OneWay(u32);

impl From<u32> for OneWay {
    fn from(n: u32) -> Self {
        Self(n)
    }
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[serde(remote = "OneWay")]
struct Remote(u32);

#[derive(EventData, Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default, deny_unknown_fields)]
struct Strict {
    #[serde(flatten)]
    place: Place,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug, Default)]
struct Place {
    #[serde(flatten, skip_serializing)]
    inner: Inner,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug, Default)]
struct Inner {}

fn main() {}
