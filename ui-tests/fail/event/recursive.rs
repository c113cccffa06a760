use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
enum Expression {
    Number(u32),
    Not(Box<Self>),
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
struct Mended {
    #[event(opaque)]
    children: Vec<Mended>,
}

const _: statewright::event::Schema = <Mended as EventData>::SCHEMA;
const _: statewright::event::Schema = <Tree as EventData>::SCHEMA;

fn main() {}
