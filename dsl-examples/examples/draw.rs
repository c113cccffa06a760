//! Draws the parcel in every format: `cargo run -p dsl-examples --example draw -- svg > parcel.svg`.

use dsl_examples::parcel::Parcel;
use statewright::Machine;

fn main() {
    let definition = Parcel::DEFINITION;
    let text = match std::env::args().nth(1).as_deref() {
        Some("dot") => definition.to_dot(),
        Some("plantuml") => definition.to_plantuml(),
        Some("scxml") => definition.to_scxml(),
        Some("svg") => definition.to_svg(),
        Some("json") => definition.to_json(),
        Some("table") => definition.to_table(),
        _ => definition.to_mermaid(),
    };
    println!("{text}");
}
