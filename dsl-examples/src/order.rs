//! An order, from basket to doorstep: data, events in two versions, effects, and a compound state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// An order, from basket to doorstep.
    pub machine Order {
        version 2;
        lock "order.lock";
        data Basket;

        triggers {
            Submit { lines: Vec<Line> },
            Pay { cents: u64 },
            Ship { tracking: String },
            Deliver,
            Cancel { reason: String },
        }

        events { OrderSubmitted, OrderPaid, OrderShipped, OrderDelivered, OrderCancelled }

        effects {
            /// Takes the money.
            Charge { cents: u64 },
            /// Writes to the customer.
            Mail { template: Template },
        }

        initial Draft;

        /// An order can be called off until it is on its way.
        on Cancel { reason } => Cancelled emit OrderCancelled { reason };

        state Draft {
            on Submit { lines } if !lines.is_empty() => Submitted
                emit OrderSubmitted { lines, at: cx.now() };
            on Submit { .. } => reject "an order needs at least one line";
        }

        state Submitted {
            entry do Mail { template: Template::PleasePay };
            /// What is paid must cover what was ordered.
            on Pay { cents } if cents >= data.total() => Fulfilment
                emit OrderPaid { cents }
                do Charge { cents };
            on Pay { .. } => reject "the payment does not cover the total";
        }

        state Fulfilment {
            initial Picking;
            state Picking {
                on Ship { tracking } => InTransit emit OrderShipped { tracking };
            }
            state InTransit {
                on Deliver => Delivered emit OrderDelivered;
                on Cancel { .. } => reject "it is already on its way";
            }
        }

        final Delivered;
        final Cancelled;
    }
}

/// One article of an order.
#[derive(EventData, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Stock keeping unit.
    pub sku: String,
    /// How many.
    pub quantity: u64,
    /// Price of one, in cents.
    pub cents: u64,
}

/// What customers are written.
#[derive(EventData, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Asks for the payment.
    PleasePay,
}

/// What an order has come to.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Basket {
    lines: Vec<Line>,
    paid: u64,
    tracking: Option<String>,
    cancelled: Option<String>,
}

impl Basket {
    /// Price of all lines, in cents.
    pub fn total(&self) -> u64 {
        self.lines.iter().map(|line| line.quantity.saturating_mul(line.cents)).fold(0, u64::saturating_add)
    }
}

/// The first version did not say when.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.submitted", version = 1)]
pub struct OrderSubmittedV1 {
    lines: Vec<Line>,
}

/// The customer has ordered.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.submitted", version = 2, from = OrderSubmittedV1)]
pub struct OrderSubmitted {
    lines: Vec<Line>,
    at: Timestamp,
}

impl Upcast<OrderSubmittedV1> for OrderSubmitted {
    fn upcast(old: OrderSubmittedV1, cx: &UpcastContext) -> Self {
        Self { lines: old.lines, at: cx.recorded_at() }
    }
}

/// The customer has paid.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
pub struct OrderPaid {
    cents: u64,
}

/// The parcel has left the house.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.shipped", version = 1)]
pub struct OrderShipped {
    tracking: String,
}

/// The parcel has arrived.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.delivered", version = 1)]
pub struct OrderDelivered;

/// The order was called off.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.cancelled", version = 1)]
pub struct OrderCancelled {
    reason: String,
}

impl Apply<OrderSubmitted> for Basket {
    fn apply(&mut self, event: &OrderSubmitted) {
        self.lines.clone_from(&event.lines);
    }
}

impl Apply<OrderPaid> for Basket {
    fn apply(&mut self, event: &OrderPaid) {
        self.paid += event.cents;
    }
}

impl Apply<OrderShipped> for Basket {
    fn apply(&mut self, event: &OrderShipped) {
        self.tracking = Some(event.tracking.clone());
    }
}

impl Apply<OrderDelivered> for Basket {
    fn apply(&mut self, _event: &OrderDelivered) {}
}

impl Apply<OrderCancelled> for Basket {
    fn apply(&mut self, event: &OrderCancelled) {
        self.cancelled = Some(event.reason.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statewright::testing::given;

    #[test]
    fn what_is_released_is_locked() {
        statewright::lock!(Order);
    }

    fn lines() -> Vec<Line> {
        vec![Line { sku: "tea".to_owned(), quantity: 2, cents: 450 }]
    }

    fn submitted() -> OrderSubmitted {
        OrderSubmitted { lines: lines(), at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn an_order_is_submitted_at_the_time_of_the_step() {
        given::<Order>()
            .when(OrderTrigger::Submit { lines: lines() })
            .then_state(OrderState::Submitted)
            .then_event(submitted())
            .then_effect(OrderEffect::Mail { template: Template::PleasePay })
            .then_no_more();
    }

    #[test]
    fn an_empty_basket_is_no_order() {
        given::<Order>()
            .when(OrderTrigger::Submit { lines: vec![] })
            .then_refused("an order needs at least one line");
    }

    #[test]
    fn a_payment_covers_the_total() {
        let order = || given::<Order>().state(OrderState::Submitted).event(submitted());
        order().when(OrderTrigger::Pay { cents: 899 }).then_refused("the payment does not cover the total");
        order()
            .when(OrderTrigger::Pay { cents: 900 })
            .then_state(OrderState::Picking)
            .then_event(OrderPaid { cents: 900 })
            .then_effect(OrderEffect::Charge { cents: 900 })
            .then_no_more();
    }

    #[test]
    fn an_order_is_called_off_until_it_is_on_its_way() {
        let cancel = || OrderTrigger::Cancel { reason: "too slow".to_owned() };
        given::<Order>().state(OrderState::Picking).when(cancel()).then_state(OrderState::Cancelled);
        given::<Order>().state(OrderState::InTransit).when(cancel()).then_refused("it is already on its way");
        given::<Order>().state(OrderState::Delivered).when(cancel()).then_finished();
    }

    #[test]
    fn a_refusal_shows_the_guard_and_its_line() {
        let order = given::<Order>().state(OrderState::Submitted).event(submitted()).instance();
        let explanation = order.explain(&OrderTrigger::Pay { cents: 1 });
        let arm = &explanation.candidates[0];
        assert_eq!(arm.guard.as_deref(), Some("cents >= data.total()"));
        assert_eq!(arm.doc, "What is paid must cover what was ordered.");
        let source = include_str!("order.rs").lines().nth(arm.line as usize - 1).expect("the line exists");
        assert!(source.contains("on Pay { cents } if"), "{source}");
    }

    #[test]
    fn states_know_where_they_stand() {
        assert!(
            OrderState::Picking.is_in(OrderNode::Fulfilment)
                && !OrderState::Draft.is_in(OrderNode::Fulfilment)
        );
        assert_eq!(OrderState::InTransit.path(), [OrderNode::Fulfilment, OrderNode::InTransit]);
        assert_eq!("InTransit".parse(), Ok(OrderState::InTransit));
    }
}
