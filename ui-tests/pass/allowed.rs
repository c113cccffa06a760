use statewright::prelude::*;

state_machine! {
    #[allow(unused_trigger)]
    machine Order {
        triggers { Submit, Cancel, #[allow(unused_trigger)] Later, Ship }
        effects { #[allow(unused_effect)] Mail }
        initial Draft;
        state Draft {
            on Submit => Stuck;
            #[allow(shadowed_arm)]
            on Submit if true => stay;
            on Cancel => A;
            on Ship => Done;
        }
        #[allow(dead_end)]
        state Stuck { }
        #[allow(unreachable_state)]
        state Lost { on Submit => Done; }
        #[allow(no_way_out)]
        state Ring {
            initial A;
            state A { on Ship => B; }
            state B { on Ship => A; }
        }
        final Done;
    }
}

fn main() {
    let mut order = Instance::<Order>::new();
    assert!(order.fire(OrderTrigger::Submit).is_ok());
    assert_eq!(order.state(), OrderState::Stuck);
}
