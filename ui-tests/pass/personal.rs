//! Personal data in events that are renamed, raised and made of plain ones, in effects and in data.

#![deny(warnings, clippy::pedantic)]

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Basket;
        triggers { Name { customer: u64, name: String }, Send }
        events { OrderNamed }
        effects { Write { to: Personal<Name> }, Count(usize) }
        initial Open;
        state Open {
            on Name { customer, name } => stay emit OrderNamed { customer, r#type: Personal::new(Name(name)) };
            on Send if data.name.is_some() => Sent do Write { to: Personal::of(7, Name(String::new())) } do Count(1);
            on Send => reject "to whom?";
        }
        final Sent;
    }
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Name(String);

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(name)
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamedV1 {
    customer: u64,
    name: Name,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 2, from = OrderNamedV1, auto)]
#[serde(rename_all = "UPPERCASE")]
struct OrderNamed {
    customer: u64,
    #[event(personal = customer, renamed_from = "name")]
    r#type: Personal<Name>,
}

#[derive(Serialize, Deserialize, Clone, Default)]
struct Basket {
    name: Option<Personal<Name>>,
}

impl Apply<OrderNamed> for Basket {
    fn apply(&mut self, event: &OrderNamed) {
        self.name = Some(event.r#type.clone());
    }
}

fn main() {
    let text = "{CUSTOMER: u64, TYPE: personal(string)}";
    assert_eq!(OrderNamed::SCHEMA_TEXT, text);
    assert_eq!(OrderNamed::PERSONAL, Some("TYPE"));
    let mut order = Instance::<Order>::new();
    order.fire(OrderTrigger::Name { customer: 7, name: "Ann".into() }).expect("open");
    let name = order.data().name.clone().expect("it was named");
    assert_eq!(name.known(), Some(&Name("Ann".into())));
    order.fire(OrderTrigger::Send).expect("named");
}
