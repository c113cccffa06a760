//! Spans and events: which there are, what they say, and what none of them ever says.

use jiff::Timestamp;
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx};
use statewright::observe::SPANS;
use statewright::store::{
    Append, Body, Head, MemoryStore, Outcome, Payload, RecordedEvent, RecordedStep, Store, StreamId,
    TimerChange, Unit,
};
use statewright_tests::kettle::{Kettle, KettleTrigger};
use statewright_tests::ticket::v1::{Ticket, TicketTrigger};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What was heard on the thread of the test, event by event and span by span.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Heard>>>);

#[derive(Clone, Debug, Default)]
struct Heard {
    name: &'static str,
    parent: Option<&'static str>,
    follows: Vec<&'static str>,
    fields: BTreeMap<&'static str, String>,
    declared: Vec<&'static str>,
    id: u64,
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl Ear {
    fn open(&self) -> DefaultGuard {
        tracing::subscriber::set_default(Registry::default().with(self.clone()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Heard>) -> T) -> T {
        change(&mut self.0.lock().expect("no panic"))
    }

    fn spans(&self, name: &str) -> Vec<Heard> {
        self.change(|heard| heard.iter().filter(|heard| heard.name == name).cloned().collect())
    }

    fn all(&self) -> String {
        self.change(|heard| {
            heard.iter().fold(String::new(), |mut text, heard| {
                writeln!(text, "{heard:?}").expect("text");
                text
            })
        })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ear {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name()));
        let declared = metadata.fields().iter().map(|field| field.name()).collect();
        let mut heard =
            Heard { name: metadata.name(), parent, declared, id: id.into_u64(), ..Heard::default() };
        attributes.record(&mut heard);
        self.change(|all| all.push(heard));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.change(|all| {
            let found = all.iter_mut().rfind(|heard| heard.id == id.into_u64());
            values.record(found.expect("it was opened"));
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let Some(name) = context.span(follows).map(|span| span.name()) else { return };
        self.change(|all| {
            let found = all.iter_mut().rfind(|heard| heard.id == id.into_u64());
            found.expect("it was opened").follows.push(name);
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event).map(|span| span.name());
        let mut heard = Heard { name: event.metadata().target(), parent, ..Heard::default() };
        event.record(&mut heard);
        self.change(|all| all.push(heard));
    }
}

#[tokio::test]
async fn spans_tell_a_trigger_from_its_caller_to_the_store() {
    let (ear, clock) = (Ear::default(), FakeClock::default());
    let _open = ear.open();
    let host = Host::<Kettle>::builder(MemoryStore::with_shards(1)).clock(clock.clone()).build().await;
    let kettle = host.expect("fine").tenant("acme").expect("a good id").instance("a");
    kettle.command("c-1").correlation("breakfast").fire(KettleTrigger::Fill).await.expect("it is idle");
    kettle.fire(KettleTrigger::Watch).await.expect_err("it is on");
    clock.advance(Duration::from_secs(10));
    while ear.spans("statewright.wake").iter().all(|wake| !wake.fields.contains_key("outcome")) {
        tokio::task::yield_now().await;
    }
    let fired = &ear.spans("statewright.fire")[0];
    let field = |heard: &Heard, name: &str| heard.fields.get(name).cloned().unwrap_or_default();
    let told = ["machine", "tenant", "instance", "trigger", "command", "correlation", "outcome", "revision"];
    let said = told.map(|name| field(fired, name));
    assert_eq!(said, ["Kettle", "acme", "a", "Fill", "c-1", "breakfast", "recorded", "1"]);
    assert_eq!(field(&ear.spans("statewright.fire")[1], "outcome"), "not_handled");
    let group = &ear.spans("statewright.group")[0];
    assert_eq!((field(group, "requests"), &*group.follows), ("1".to_owned(), &["statewright.fire"][..]));
    let [load, append] = ["statewright.load", "statewright.append"].map(|name| ear.spans(name)[0].clone());
    assert_eq!((load.parent, field(&load, "outcome")), (Some("statewright.group"), "loaded".to_owned()));
    assert_eq!(field(&load, "revision"), "0");
    assert_eq!((append.parent, field(&append, "steps")), (Some("statewright.group"), "1".to_owned()));
    assert_eq!(field(&append, "outcome"), "appended");
    assert_eq!(field(&ear.spans("statewright.wake")[0], "outcome"), "ran");
    for span in SPANS.iter().filter(|span| span.name != "statewright.effect") {
        let heard = ear.spans(span.name);
        assert_eq!(heard[0].declared, span.fields, "{}", span.name);
    }
}

/// Says that it rings.
struct Bell;

impl DoorEffects for Bell {
    async fn ring(&self, _: &EffectCx, _: u64) -> EffectAnswer<Door> {
        tracing::info!(target: "bell", "it rings");
        Ok(Some(DoorTrigger::Rung))
    }
}

#[tokio::test]
async fn a_handler_runs_in_the_span_of_its_effect() {
    let ear = Ear::default();
    let _open = ear.open();
    let host = Host::<Door>::builder(MemoryStore::with_shards(1)).clock(FakeClock::default()).effects(Bell);
    let host = host.build().await.expect("fine");
    host.instance("a").fire(DoorTrigger::Knock { times: 2 }).await.expect("always");
    while ear.spans("statewright.effect").iter().all(|effect| !effect.fields.contains_key("outcome")) {
        tokio::task::yield_now().await;
    }
    let effect = &ear.spans("statewright.effect")[0];
    let span = SPANS.iter().find(|span| span.name == effect.name).expect("it is in the table");
    assert_eq!(effect.declared, span.fields);
    let said = span.fields.iter().map(|field| effect.fields[field].clone()).collect::<Vec<_>>();
    assert_eq!(said, ["Door", "", "a", "Ring", "/Door/a/1/0", "1", "answered"]);
    assert_eq!(ear.spans("bell")[0].parent, Some("statewright.effect"));
}

#[tokio::test]
async fn clocks_that_differ_are_warned_of() {
    let ear = Ear::default();
    let _open = ear.open();
    let store = Arc::new(MemoryStore::with_shards(1));
    let (here, there) = (FakeClock::default(), FakeClock::at(Timestamp::from_second(5).expect("early")));
    let build = |clock: &FakeClock| Host::<Kettle>::builder(Arc::clone(&store)).clock(clock.clone()).build();
    let hosts = [build(&here).await.expect("fine"), build(&there).await.expect("fine")];
    for _ in 0..20 {
        for clock in [&here, &there] {
            clock.advance(Duration::from_secs(1));
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    let warned = ear.spans("statewright::host::fleet::members");
    let warned: Vec<_> = warned.iter().filter_map(|warning| warning.fields.get("host")).collect();
    assert!(hosts.iter().any(|host| warned.contains(&&host.id().to_owned())), "{warned:?}");
}

/// A word that stands in payloads alone.
const SECRET: &str = "hunter2";

/// An instance with a timer, and an event that is a text where a map belongs: `serde_json` quotes it.
async fn broken() -> MemoryStore {
    let (store, hour) = (MemoryStore::with_shards(1), Timestamp::from_second(3_600).ok());
    let event = RecordedEvent {
        name: "ticket.noted".into(),
        version: 1,
        payload: Payload::of(&SECRET).expect("JSON"),
    };
    let timer = TimerChange { name: "Shelved#0".into(), due: hour, every: None };
    let body = Body { events: vec![event], timers: vec![timer], ..Body::default() };
    let to = "Shelved".into();
    let step = RecordedStep { trigger: "Shelve".into(), to, body, ..RecordedStep::default() };
    let stream = StreamId::new("", "Ticket", "broken");
    let append = Append { stream, after: Head::default(), steps: vec![step] };
    assert!(matches!(store.append(vec![append], Unit::Each).await[..], [Outcome::Appended(_)]));
    store
}

#[tokio::test]
async fn no_payload_is_told_whatever_goes_wrong() {
    let (ear, clock) = (Ear::default(), FakeClock::default());
    let _open = ear.open();
    let note = TicketTrigger::Note { text: SECRET.to_owned() };
    let host = Host::<Ticket>::builder(broken().await).clock(clock.clone()).build().await.expect("fine");
    let mut said = format!("{host:?} {:?}", host.instance("a").command("c"));
    host.instance("a").fire(note.clone()).await.expect("it is open");
    host.instance("a").fire(TicketTrigger::Shelve).await.expect("it is open");
    host.instance("a").fire(note.clone()).await.expect_err("it is shelved");
    host.instance("broken").fire(note).await.expect_err("it cannot be read");
    clock.advance(Duration::from_hours(1));
    while ear.spans("statewright.wake").iter().filter(|wake| wake.fields.contains_key("outcome")).count() < 2
    {
        tokio::task::yield_now().await;
    }
    write!(said, "{:?}", host.limits()).expect("text");
    assert!(ear.all().contains("timers that are due were not run yet"), "{}", ear.all());
    assert!(!ear.all().contains(SECRET), "{}", ear.all());
    assert!(!said.contains(SECRET), "{said}");
    host.shutdown().await;
}
