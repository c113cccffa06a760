//! The failing cases, mended.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        version 1;
        data Money;
        triggers { Submit { n: u8 }, Pay, Cancel }
        events { OrderPaid }
        effects { Mail }
        initial Draft;
        on Cancel => Done;
        state Draft {
            on Submit { n } if check(n) && matches!(n, 1..=9) => Open;
            on Submit { .. } => reject "too many";
        }
        state Open {
            initial Waiting;
            state Waiting {
                on Pay => Done emit OrderPaid do Mail;
            }
        }
        final Done { entry do Mail; }
    }
}

fn check(n: u8) -> bool {
    n > 1
}

#[derive(Default, Serialize, Deserialize)]
struct Money {
    paid: bool,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2, from = OrderPaidV1)]
struct OrderPaid;

impl Upcast<OrderPaidV1> for OrderPaid {
    fn upcast(_old: OrderPaidV1, _cx: &UpcastContext) -> Self {
        Self
    }
}

impl Apply<OrderPaid> for Money {
    fn apply(&mut self, _event: &OrderPaid) {
        self.paid = true;
    }
}

struct Handlers;

impl OrderEffects for Handlers {
    async fn mail(&self, _cx: &EffectCx) -> EffectAnswer<Order> {
        Ok(None)
    }
}

fn main() {
    let mut order = Instance::<Order>::new();
    order.fire(OrderTrigger::Submit { n: 2 }).expect("few enough");
    let step = order.fire(OrderTrigger::Pay).expect("it waits for that");
    assert_eq!(step.effects.len(), 2);
    assert!(order.data().paid && order.is_finished());
    let _ = Host::<Order>::builder(statewright::store::MemoryStore::new()).effects(Handlers);
}
