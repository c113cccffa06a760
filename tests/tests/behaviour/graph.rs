//! Diagrams of the definition: every arm once, nothing else.

use statewright::Machine;
use statewright_tests::Door;

#[test]
fn a_mermaid_diagram_has_every_state_and_every_arm() {
    let text = Door::DEFINITION.to_mermaid();
    assert!(text.starts_with("stateDiagram-v2\n"));
    assert_eq!(text.matches("Closed --> Ajar : Open").count(), 1);
    assert_eq!(text.matches("in any state").count(), 4, "{text}");
    assert!(text.contains("[*] --> Closed") && text.contains("Gone --> [*]"));
}

#[test]
fn a_dot_diagram_has_every_state_and_every_arm() {
    let text = Door::DEFINITION.to_dot();
    assert_eq!(text.matches("label=").count(), Door::DEFINITION.arms.len(), "{text}");
    assert!(text.contains("\"Closed\" -> \"Ajar\" [label=\"Open\"];"));
}

#[test]
fn the_definition_is_json() {
    let json = serde_json::to_value(Door::DEFINITION).expect("plain data");
    assert_eq!(json["machine"], "Door");
    assert_eq!(json["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["arms"][2]["guard"], "times > 0");
}
