#[derive(EventData)]
#[serde(rename_all = "camelCase", default)]
struct Line<T> {
    unit_price: T,
    #[serde(alias = "count", skip_serializing_if = "Option::is_none")]
    qty: Option<u32>,
    #[event(opaque)]
    #[serde(with = "money")]
    price: money::Price,
    #[serde(flatten)]
    place: Place,
    #[serde(skip)]
    cache: Cache,
}

#[derive(EventData)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Payment {
    InCash,
    ByCard(Card),
    #[serde(alias = "bank", skip_serializing)]
    ByBank { iban: String },
}

#[derive(EventData)]
struct Sku(String);

#[derive(EventData)]
#[serde(try_from = "String", into = "String")]
struct Email(String);

#[derive(EventData)]
struct Broken {
    #[serde(with = "money")]
    price: money::Price,
}
