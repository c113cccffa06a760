#[derive(EventVersion)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1 {
    cents: u64,
}

#[derive(EventVersion)]
#[event(name = "order.paid", version = 2, from = OrderPaidV1)]
struct OrderPaid {
    cents: u64,
    currency: String,
}
