//! Oracles over JSON: whether a schema describes it, and whether one text holds all that another does.

use serde_json::{Map, Value};
use statewright::event::Schema;
use statewright::event::schema::{Field, Int, Tagging, Variant, Written};

/// Whether this is what the schema says is written.
pub(crate) fn is_described(schema: &Schema, json: &Value) -> bool {
    let all = |schema: &Schema| {
        json.as_array().is_some_and(|list| list.iter().all(|one| is_described(schema, one)))
    };
    match schema {
        Schema::Null => json.is_null(),
        Schema::Bool => json.is_boolean(),
        Schema::Int(int) => is_int(*int, json),
        Schema::Float(_) => json.is_f64(),
        Schema::Char => json.as_str().is_some_and(|text| text.chars().count() == 1),
        Schema::Text => json.is_string(),
        Schema::Format(name) => json.as_str().is_some_and(|text| is_format(name, text)),
        Schema::Checked(_, of) => is_described(of, json),
        Schema::Personal(_) => {
            ["key", "sealed"].iter().all(|key| json.get(key).is_some_and(Value::is_string))
        }
        Schema::Maybe(of) => json.is_null() || is_described(of, json),
        Schema::List(of) | Schema::Set(of) => all(of),
        Schema::Array(of, len) => all(of) && json.as_array().is_some_and(|list| list.len() == *len),
        Schema::Tuple(of) => json.as_array().is_some_and(|list| {
            list.len() == of.len() && of.iter().zip(list).all(|(of, one)| is_described(of, one))
        }),
        Schema::Map(key, value) => json.as_object().is_some_and(|object| is_map((key, value), object)),
        Schema::Struct(fields) => json.as_object().is_some_and(|object| are_fields(fields, object)),
        Schema::Enum(tagging, variants) => {
            variants.iter().any(|variant| variant.written && is_variant(*tagging, variant, json))
        }
        Schema::Opaque(_) => true,
    }
}

fn is_int(int: Int, json: &Value) -> bool {
    let text = json.to_string();
    let fits = match int {
        Int { signed: false, bits: 8, .. } => text.parse::<u8>().is_ok(),
        Int { signed: false, bits: 32, .. } => text.parse::<u32>().is_ok(),
        Int { signed: false, bits: 64, .. } => text.parse::<u64>().is_ok(),
        Int { signed: true, bits: 64, .. } => text.parse::<i64>().is_ok(),
        // `Value` keeps larger numbers as floats.
        _ => json.is_number(),
    };
    fits && !(int.nonzero && text == "0")
}

fn is_format(name: &str, text: &str) -> bool {
    match name {
        "uuid" => uuid::Uuid::parse_str(text).is_ok(),
        "timestamp" => text.parse::<jiff::Timestamp>().is_ok(),
        "duration" => text.parse::<jiff::SignedDuration>().is_ok(),
        "date" => text.len() == 10,
        "ip" => text.parse::<std::net::IpAddr>().is_ok(),
        _ => false,
    }
}

fn is_map((key, value): (&Schema, &Schema), object: &Map<String, Value>) -> bool {
    let is_key = |text: &String| {
        let bare = serde_json::from_str::<Value>(text);
        is_described(key, &Value::from(text.clone())) || bare.is_ok_and(|bare| is_described(key, &bare))
    };
    object.iter().all(|(text, held)| is_key(text) && is_described(value, held))
}

/// Every field is there, and nothing else is but what flattened parts say.
fn are_fields(fields: &[Field], object: &Map<String, Value>) -> bool {
    let mut rest = object.clone();
    take_fields(fields, &mut rest) && rest.is_empty()
}

fn take_fields(fields: &[Field], rest: &mut Map<String, Value>) -> bool {
    let known = fields.iter().filter(|field| !field.flatten).all(|field| match rest.remove(field.name) {
        Some(held) => field.written != Written::Never && is_described(&field.schema, &held),
        None => field.written != Written::Always,
    });
    known && fields.iter().filter(|field| field.flatten).all(|field| take_part(&field.schema, rest))
}

fn take_part(schema: &Schema, rest: &mut Map<String, Value>) -> bool {
    match schema {
        Schema::Struct(fields) => take_fields(fields, rest),
        Schema::Maybe(_) if rest.is_empty() => true,
        Schema::Maybe(of) => take_part(of, rest),
        _ => is_described(schema, &Value::Object(std::mem::take(rest))),
    }
}

fn is_variant(tagging: Tagging, variant: &Variant, json: &Value) -> bool {
    let holds = |json: &Value| variant.content.is_some_and(|schema| is_described(&schema, json));
    let object = json.as_object();
    // Among other keys a unit variant is one as well.
    let unit = |json: &Value| variant.content.is_none() && json.is_null();
    match tagging {
        Tagging::Untagged => variant.content.map_or(json.is_null(), |schema| is_described(&schema, json)),
        Tagging::External => match object {
            None => variant.content.is_none() && json == variant.name,
            Some(object) => {
                object.len() == 1 && object.get(variant.name).is_some_and(|json| holds(json) || unit(json))
            }
        },
        Tagging::Internal(tag) => object.is_some_and(|object| {
            let mut rest = object.clone();
            let named = rest.remove(tag).is_some_and(|name| name == variant.name);
            let alone = rest.is_empty() && matches!(variant.content, None | Some(Schema::Null));
            named && (alone || holds(&Value::Object(rest)))
        }),
        Tagging::Adjacent(tag, content) => object.is_some_and(|object| {
            let named = object.get(tag).is_some_and(|name| name == variant.name);
            named && object.get(content).map_or(variant.content.is_none(), holds)
        }),
    }
}

/// Whether all of the first is in the second: a key may have another name, and what is nothing may be left out.
pub(crate) fn is_kept(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => old.iter().all(|(key, held)| {
            let renamed = || new.iter().any(|(key, kept)| !old.contains_key(key) && is_kept(held, kept));
            let nothing = || held.is_null() || held.as_array().is_some_and(Vec::is_empty);
            new.get(key).map_or_else(|| renamed() || nothing(), |kept| is_kept(held, kept))
        }),
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_kept(old, new))
        }
        // The name of a variant may have become another.
        (Value::String(old), Value::String(new)) => old.replace('_', "-") == new.replace('_', "-"),
        (old, new) => old == new,
    }
}
