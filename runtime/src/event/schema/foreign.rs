//! The schemas of times, spans of time, ids and free JSON, as their crates write them.

use super::{EventData, Schema};

macro_rules! formats {
    ($($name:literal => $type:ty;)*) => {
        $(impl EventData for $type {
            const SCHEMA: Schema = Schema::Format($name);
        })*
    };
}

formats! {
    "uuid" => uuid::Uuid;
    "timestamp" => jiff::Timestamp;
    "duration" => jiff::SignedDuration;
    "span" => jiff::Span;
    "zoned" => jiff::ZonedDateTime;
    "date" => jiff::civil::Date;
    "datetime" => jiff::civil::DateTime;
    "time" => jiff::civil::Time;
    "weekdate" => jiff::civil::ISOWeekDate;
}

impl EventData for serde_json::Value {
    const SCHEMA: Schema = Schema::Opaque("json");
}
