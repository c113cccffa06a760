//! The definition as JSON. Its shape is `definition.schema.json`.

use crate::Definition;

pub(super) fn write(definition: &Definition<'_>) -> String {
    // Strings, numbers and lists of these: there is nothing that could fail.
    serde_json::to_string_pretty(definition).unwrap_or_default()
}
