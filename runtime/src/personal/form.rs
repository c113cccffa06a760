//! How personal data is written and read as JSON: `{"key": …, "sealed": …}`.
//!
//! Where it stands, and with which keys, says the thread.

use super::scope::{self, Ask, Mark, Written};
use super::{Content, Personal, PersonalError};
use crate::event::schema::{EventData, Schema};
use crate::personal::cipher::KeyId;
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A copy that is read again at once.
#[derive(Serialize, Deserialize)]
struct Copied<T> {
    value: Option<T>,
    key: Option<KeyId>,
    subject: Option<Arc<str>>,
}

impl<T> Personal<T> {
    fn mark_now(&self) -> Mark<'_> {
        Mark { key: self.key, subject: self.subject.as_deref(), field: self.field }
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.known();
        // What was read and never opened is not known, so it is not written as if it were.
        if matches!(self.content, Content::Sealed(_)) {
            return Err(S::Error::custom(PersonalError::Unmarked));
        }
        match scope::ask().map_err(S::Error::custom)? {
            Ask::Seal | Ask::OpenLater | Ask::OpenNow => {
                let plain = value.map(serde_json::to_vec).transpose().map_err(S::Error::custom)?;
                let plain = plain.map(Zeroizing::new);
                let written = scope::seal(self.mark_now(), plain.as_ref().map(|plain| plain.as_slice()));
                written.map_err(S::Error::custom)?.serialize(serializer)
            }
            // As long as what is sealed, as far as anybody looks.
            Ask::Hollow => serde_json::json!({ "key": "", "sealed": "" }).serialize(serializer),
            Ask::Compare => match value {
                Some(value) => {
                    let plain = serde_json::to_string(value).map(Zeroizing::new).map_err(S::Error::custom)?;
                    serializer.serialize_str(&scope::digest(&plain).map_err(S::Error::custom)?)
                }
                None => serializer.serialize_str("forgotten"),
            },
            Ask::Copy => Copied { value, key: self.key, subject: self.subject.clone() }.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ask = scope::ask_reader().map_err(D::Error::custom)?;
        if matches!(ask, Ask::Copy) {
            let Copied { value, key, subject } = Copied::deserialize(deserializer)?;
            let content = value.map_or(Content::Forgotten, Content::Known);
            return Ok(Self { content, key, subject, field: "" });
        }
        let written = Written::deserialize(deserializer)?;
        let content = match ask {
            Ask::OpenLater => Content::Sealed(written.sealed.into()),
            _ => scope::open("", &written).and_then(read).map_err(D::Error::custom)?,
        };
        Ok(Self { content, key: Some(written.key), subject: None, field: "" })
    }
}

/// The value of what was opened. What `serde` says of it may hold a part of it, so it is not carried on.
pub(super) fn read<T: DeserializeOwned>(
    opened: Option<Zeroizing<Vec<u8>>>,
) -> Result<Content<T>, PersonalError> {
    let Some(plain) = opened else { return Ok(Content::Forgotten) };
    serde_json::from_slice(&plain).map(Content::Known).map_err(|_| PersonalError::Misfit)
}

/// What is sealed has another form than what is not, so that marking a field is a change of its event.
impl<T: EventData> EventData for Personal<T> {
    const SCHEMA: Schema = Schema::Personal(&T::SCHEMA);
}

/// The keys that a payload names. What only looks like a sealed value costs a look-up, and no more.
pub(super) fn keys_in(json: &str) -> impl Iterator<Item = KeyId> {
    let mut keys = Vec::new();
    if json.contains("\"sealed\"") {
        // What is no JSON is found when it is decoded.
        collect(&serde_json::from_str(json).unwrap_or_default(), &mut keys);
    }
    keys.into_iter()
}

fn collect(value: &Value, keys: &mut Vec<KeyId>) {
    match value {
        Value::Object(object) => {
            if let (2, Some(_), Some(key)) = (object.len(), object.get("sealed"), object.get("key")) {
                keys.extend(KeyId::deserialize(key).ok());
            }
            object.values().for_each(|value| collect(value, keys));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}
