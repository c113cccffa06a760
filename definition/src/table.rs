//! The transitions as a table in Markdown, in source order.

use crate::{Definition, TargetDef, text};
use std::fmt::Write;

pub(super) fn write(definition: &Definition<'_>) -> String {
    let mut out = String::from("| from | on | if | to | actions |\n|---|---|---|---|---|\n");
    for arm in definition.arms {
        let from = arm.source.map_or("*any*".to_owned(), |id| code(definition.name(id)));
        let names: Vec<_> = arm.targets().iter().map(|id| code(definition.name(*id))).collect();
        let to = match arm.target {
            TargetDef::To(_) => names.join(", "),
            TargetDef::Internal(_) => format!("{} *(internal)*", names.join(", ")),
            TargetDef::Stay => "*stay*".to_owned(),
            TargetDef::Reject(why) => format!("*reject* {}", code(why)),
            TargetDef::Ignore => "*ignore*".to_owned(),
        };
        let actions: Vec<_> = arm.actions.iter().map(|action| code(&text::action(action))).collect();
        let (on, guard) = (code(&arm.on.to_string()), arm.guard.map(code).unwrap_or_default());
        let _ = writeln!(out, "| {from} | {on} | {guard} | {to} | {} |", actions.join(", "));
    }
    out
}

/// Code in a cell: backticks around what may hold backticks, and no bar that ends the cell.
fn code(text: &str) -> String {
    let text = text::folded(text).replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
