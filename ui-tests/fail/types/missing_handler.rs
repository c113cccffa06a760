use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Pay }
        effects { Charge { cents: u64 }, Mail }
        initial Draft;
        state Draft { on Pay => Done do Charge { cents: 1 } do Mail; }
        final Done;
    }
}

struct Handlers;

impl OrderEffects for Handlers {
    async fn mail(&self, _cx: &EffectCx) -> EffectAnswer<Order> {
        Ok(None)
    }
}

fn main() {}
