//! What this crate writes as JSON. The shapes are `definition.schema.json` and `diff.schema.json`.

pub(super) fn write(value: &impl serde::Serialize) -> String {
    // Strings, numbers and lists of these: there is nothing that could fail.
    serde_json::to_string_pretty(value).unwrap_or_default()
}
