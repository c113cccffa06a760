//! What was recorded in any version is read into the newest: by hand, field by field, from JSON, dropped and split.

#![allow(clippy::needless_pass_by_value, reason = "an upcast is given what it lifts")]

use crate::recorded;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statewright::event::{DecodeReason, UpcastError};
use statewright::prelude::*;
use statewright::store::{MemoryStore, Revision};
use statewright::subscription::Start;
use statewright::{LoadError, Repository};
use std::collections::BTreeMap;

state_machine! {
    #[allow(dead_end)]
    machine Basket {
        data Filled;
        triggers { Fill { sku: String }, Note }
        events { LinesFilled, Weighed, retired "basket.note" => drop, retired "basket.bulk" => split each }
        initial Open;
        on Note => stay emit Weighed::Unknown;
        state Open { on Fill { sku } => stay emit LinesFilled { lines: vec![Line { sku, count: 1 }], at: cx.now(), by: "me".into(), first: true }; }
    }
}

/// What the baskets of these tests hold: every newest event, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filled(Vec<String>);

impl Apply<LinesFilled> for Filled {
    fn apply(&mut self, event: &LinesFilled) {
        self.0.push(format!("{event:?}"));
    }
}

impl Apply<Weighed> for Filled {
    fn apply(&mut self, event: &Weighed) {
        self.0.push(format!("{event:?}"));
    }
}

/// A line of a basket, as it was before it was counted.
#[derive(Clone, Debug, EventData, Serialize, Deserialize)]
struct LineV2 {
    sku: String,
}

#[derive(Clone, Debug, PartialEq, EventData, Serialize, Deserialize)]
struct Line {
    sku: String,
    count: u32,
}

impl From<LineV2> for Line {
    fn from(old: LineV2) -> Self {
        Self { sku: old.sku, count: 1 }
    }
}

/// Version 1 has no type any more; version 2 has.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "basket.filled", version = 2, oldest = 2, retired(1, upcast = lift))]
struct LinesFilledV2 {
    lines: Vec<LineV2>,
    who: String,
}

/// Every way to fill a field: carried element by element, called otherwise, new with a value from the record.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "basket.filled", version = 3, from = LinesFilledV2, auto)]
struct LinesFilledV3 {
    lines: Vec<Line>,
    #[event(renamed_from = "who", with = shorten)]
    by: Option<String>,
    #[event(default = cx.recorded_at())]
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, EventVersion, Serialize, Deserialize)]
#[event(name = "basket.filled", version = 4, from = LinesFilledV3)]
struct LinesFilled {
    lines: Vec<Line>,
    at: Timestamp,
    by: String,
    first: bool,
}

impl TryUpcast<LinesFilledV3> for LinesFilled {
    type Error = UpcastError;

    fn try_upcast(old: LinesFilledV3, cx: &UpcastContext) -> Result<Self, UpcastError> {
        let by = old.by.or_else(|| cx.metadata().get("by").cloned()).ok_or("nobody filled it")?;
        let first = (cx.revision(), cx.position()) == (1, 0);
        Ok(Self { lines: old.lines, at: old.at, by, first })
    }
}

fn lift(json: Value, cx: &UpcastContext) -> Value {
    assert_eq!(cx.stored_version(), 1);
    json!({ "lines": [{ "sku": json["sku"] }], "who": cx.instance() })
}

/// An empty name is none.
fn shorten(who: String) -> Option<String> {
    who.split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// An enum, variant by variant.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "basket.weighed", version = 1)]
enum WeighedV1 {
    Grams(u32),
    Pounds { whole: u8, ounces: u8 },
    Lost,
}

#[derive(Clone, Debug, PartialEq, EventVersion, Serialize, Deserialize)]
#[event(name = "basket.weighed", version = 2, from = WeighedV1, auto)]
enum Weighed {
    #[event(added)]
    Tons(f64),
    Grams(u64),
    Pounds {
        whole: u16,
        #[event(renamed_from = "ounces")]
        rest: u16,
        #[event(default)]
        exact: bool,
    },
    #[event(renamed_from = "Lost")]
    Unknown,
}

/// What was filled at once.
fn each(json: Value, cx: &UpcastContext) -> Result<Vec<BasketEvent>, String> {
    let skus = json.as_array().ok_or("not a list")?;
    let line = |sku: &Value| Line { sku: sku.as_str().unwrap_or_default().to_owned(), count: 2 };
    let at = cx.recorded_at();
    let filled = |sku| LinesFilled { lines: vec![line(sku)], at, by: "bulk".to_owned(), first: false };
    Ok(skus.iter().map(filled).map(BasketEvent::from).collect())
}

async fn load(store: MemoryStore) -> Result<Vec<String>, LoadError> {
    let repository = Repository::<Basket>::new(store);
    let loaded = repository.load(&repository.stream("", "b-1")).await?;
    assert_eq!(
        loaded.revision(),
        Revision(1),
        "what is recorded keeps its revision, however much is made of it"
    );
    Ok(loaded.instance.data().0.clone())
}

async fn read(events: &[(&str, u32, Value)]) -> Result<Vec<String>, LoadError> {
    let metadata = BTreeMap::from([("by".to_owned(), "record".to_owned())]);
    load(recorded::<Basket>("b-1", "Open", events, metadata).await).await
}

#[tokio::test]
async fn every_version_is_read_into_the_newest() {
    let line = |sku: &str| Line { sku: sku.to_owned(), count: 1 };
    let (at, event) = (Timestamp::UNIX_EPOCH, "basket.filled");
    let filled = |sku, by: &str, first| LinesFilled { lines: vec![line(sku)], at, by: by.to_owned(), first };
    let events = [
        (event, 1, json!({ "sku": "one" })),
        (event, 2, json!({ "lines": [{ "sku": "two" }], "who": "Ann of Ulm" })),
        (event, 2, json!({ "lines": [{ "sku": "two" }], "who": "" })),
        (event, 3, json!({ "lines": [{ "sku": "three", "count": 1 }], "by": "Bob", "at": at })),
        (event, 4, json!({ "lines": [{ "sku": "four", "count": 1 }], "by": "Eve", "at": at, "first": true })),
    ];
    let expected = [
        filled("one", "b-1", true),
        filled("two", "Ann", false),
        filled("two", "record", false),
        filled("three", "Bob", false),
        filled("four", "Eve", true),
    ];
    assert_eq!(read(&events).await.expect("it loads"), expected.map(|event| format!("{event:?}")));
    assert_eq!((LinesFilled::OLDEST, LinesFilled::VERSION), (1, 4));
}

#[tokio::test]
async fn variants_are_carried_over_one_by_one() {
    let events = [
        ("basket.weighed", 1, json!({ "Grams": 7 })),
        ("basket.weighed", 1, json!({ "Pounds": { "whole": 1, "ounces": 2 } })),
        ("basket.weighed", 1, json!("Lost")),
        ("basket.weighed", 2, json!({ "Tons": 0.5 })),
    ];
    let expected = [
        Weighed::Grams(7),
        Weighed::Pounds { whole: 1, rest: 2, exact: false },
        Weighed::Unknown,
        Weighed::Tons(0.5),
    ];
    assert_eq!(read(&events).await.expect("it loads"), expected.map(|event| format!("{event:?}")));
}

#[tokio::test]
async fn what_is_retired_is_dropped_or_split() {
    let events = [
        ("basket.note", 9, json!({ "text": "gone" })),
        ("basket.bulk", 1, json!(["a", "b"])),
        ("basket.weighed", 2, json!("Unknown")),
    ];
    let read = read(&events).await.expect("it loads");
    assert_eq!(read.len(), 3, "none for the note, two for the bulk: {read:?}");
    assert!(read[0].contains("\"a\"") && read[1].contains("\"b\"") && read[2] == "Unknown", "{read:?}");
}

#[tokio::test]
async fn what_cannot_be_lifted_says_where_and_why() {
    let cases = [
        (("basket.filled", 0, json!({})), "versions are counted from 1"),
        (("basket.filled", 5, json!({})), "the newest version known here is 4"),
        (("basket.filled", 3, json!({ "lines": [] })), "does not fit the type"),
        (("basket.weighed", 1, json!({ "Stones": 1 })), "does not fit the type"),
        (("basket.bulk", 1, json!({})), "cannot be split"),
        (("basket.weight", 1, json!({})), "lists no event of this name"),
    ];
    for ((name, version, payload), said) in cases {
        let error = read(&[(name, version, payload)]).await.expect_err(said);
        let LoadError::Decode { source, .. } = error else { panic!("{error:?}") };
        let place = (source.instance.as_ref(), source.revision, source.event.as_ref(), source.version);
        assert_eq!(place, ("b-1", 1, name, version));
        assert!(source.reason.to_string().contains(said), "{}", source.reason);
    }
}

#[tokio::test]
async fn a_failing_upcast_stops_its_instance_with_its_cause() {
    let event = ("basket.filled", 3, json!({ "lines": [], "by": null, "at": Timestamp::UNIX_EPOCH }));
    let store = recorded::<Basket>("b-1", "Open", &[event], BTreeMap::new()).await;
    let error = load(store).await.expect_err("nobody filled it");
    let LoadError::Decode { source, .. } = error else { panic!("{error:?}") };
    let DecodeReason::Upcast { version: 4, source } = source.reason else { panic!("{source:?}") };
    assert_eq!(source.to_string(), "nobody filled it");
}

#[tokio::test]
async fn a_command_that_is_repeated_is_answered_in_the_newest_version() {
    let event = ("basket.filled", 1, json!({ "sku": "one" }));
    let store = recorded::<Basket>("b-1", "Open", &[event], BTreeMap::new()).await;
    let host = Host::<Basket>::builder(store).build().await.expect("fine");
    let basket = host.instance("b-1");
    let fired =
        basket.command("old").fire(BasketTrigger::Fill { sku: "one".to_owned() }).await.expect("known");
    let [BasketEvent::LinesFilled(filled)] = fired.events.as_slice() else { panic!("{:?}", fired.events) };
    assert_eq!((fired.duplicate, filled.by.as_str(), filled.first), (true, "b-1", true));
    let noted = basket.fire(BasketTrigger::Note).await.expect("the old record is read, and it goes on");
    assert_eq!(noted.revision, Revision(2));
    host.shutdown().await;
}

/// An event that is retired is found under its own name and under those of the events made of it.
#[tokio::test]
async fn a_subscription_finds_retired_events_by_both_their_names() {
    let bulk = ("basket.bulk", 1, json!(["one", "two"]));
    let store = recorded::<Basket>("b-1", "Open", &[bulk], BTreeMap::new()).await;
    let host = Host::<Basket>::builder(store).build().await.expect("fine");
    for (name, found) in [("basket.bulk", true), ("basket.filled", true), ("basket.weighed", false)] {
        let mut baskets = host.subscribe(Start::Beginning).events([name]).open().await.expect("fine");
        let message = baskets.next().await.expect("it is read");
        assert_eq!(message.into_record().is_some(), found, "{name}");
    }
}
