//! Effects hold personal data sealed, and their handlers have it in the clear, or as forgotten.

use super::*;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::error::BuildError;
use statewright::store::Revision;
use statewright_tests::stay::StayEffects;
use tokio::sync::mpsc;

struct Desk {
    written: mpsc::UnboundedSender<Option<String>>,
    fails: bool,
}

impl StayEffects for Desk {
    async fn write(&self, _cx: &EffectCx, to: Personal<String>, notes: usize) -> EffectAnswer<Stay> {
        assert_eq!(notes, 1);
        self.written.send(to.into_known()).map_err(EffectError::fatal)?;
        if self.fails { Err(EffectError::fatal("no paper")) } else { Ok(Some(StayTrigger::Greeted)) }
    }
}

async fn desk(
    store: &Arc<MemoryStore>,
    fails: bool,
) -> (Host<Stay>, mpsc::UnboundedReceiver<Option<String>>) {
    let (written, read) = mpsc::unbounded_channel();
    let builder = Host::<Stay>::builder(Arc::clone(store)).clock(FakeClock::default()).personal_key(ring());
    (builder.effects(Desk { written, fails }).build().await.expect("fine"), read)
}

async fn asked() -> (Arc<MemoryStore>, Host<Stay>) {
    let store = Arc::new(MemoryStore::with_shards(1));
    let asks = host(&store).await;
    asks.instance("7").fire(book("g-1", NAME)).await.expect("free");
    asks.instance("7").fire(note("tea")).await.expect("taken");
    asks.instance("7").fire(StayTrigger::Greet).await.expect("taken");
    assert!(!everything(&*store).await.contains(NAME));
    (store, asks)
}

#[tokio::test]
async fn a_handler_has_the_value_and_its_answer_is_sealed() {
    let (store, asks) = asked().await;
    let (host, mut read) = desk(&store, false).await;
    assert_eq!(read.recv().await, Some(Some(NAME.to_owned())));
    while host.instance("7").revision().await.expect("it loads") < Revision(4) {
        tokio::task::yield_now().await;
    }
    let guest = data(&host, "", "7").await;
    assert_eq!(guest.notes[1].known().map(String::as_str), Some("wrote to Ann Archer"));
    assert!(!everything(&*store).await.contains(NAME));
    host.shutdown().await;
    asks.shutdown().await;
}

#[tokio::test]
async fn a_handler_of_a_forgotten_subject_has_nothing() {
    let (store, asks) = asked().await;
    asks.forget("g-1").await.expect("memory");
    let (host, mut read) = desk(&store, false).await;
    assert_eq!(read.recv().await, Some(None));
    while host.instance("7").revision().await.expect("it loads") < Revision(4) {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
    asks.shutdown().await;
}

#[tokio::test]
async fn a_dead_letter_holds_what_is_sealed() {
    let (store, asks) = asked().await;
    let (host, mut read) = desk(&store, true).await;
    assert_eq!(read.recv().await, Some(Some(NAME.to_owned())));
    let letters = loop {
        let letters = host.dead_letters().list(None, 10).await.expect("memory");
        if !letters.is_empty() {
            break letters;
        }
        tokio::task::yield_now().await;
    };
    assert!(letters[0].effect.payload.get().contains("sealed"));
    assert!(!everything(&*store).await.contains(NAME));
    host.shutdown().await;
    asks.shutdown().await;
}

/// Only an effect holds personal data, and not as the field itself.
mod within {
    use statewright::prelude::*;

    state_machine! {
        pub(super) machine Letter {
            triggers { Send }
            effects { Write { copies: u64, to: Option<Personal<String>> } }
            initial Open;
            state Open {
                on Send => Sent do Write { copies: 1, to: Some(Personal::of(7, "Ann Archer".to_owned())) };
            }
            final Sent;
        }
    }
}

#[tokio::test]
async fn a_field_that_holds_a_personal_value_asks_for_a_key_too() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let refused = builder_of::<within::Letter>(&store).build().await.expect_err("it has no key");
    let wanted = BuildError::NoPersonalKey { machine: "Letter", name: "Write", field: "to" };
    assert_eq!(refused.to_string(), wanted.to_string());
    let host = builder_of::<within::Letter>(&store).personal_key(ring()).build().await.expect("it has one");
    host.instance("1").fire(within::LetterTrigger::Send).await.expect("open");
    assert!(!everything(&*store).await.contains("Ann Archer"));
}
