//! What hosts do of themselves: effects and timers.

use super::{ACME, KNOCKS, OTHER, World};
use statewright::Host;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::host::DeadLetter;
use statewright::personal::KeyRing;
use statewright::store::{Revision, Shard};
use statewright_tests::kettle::{Kettle, KettleState, KettleTrigger};
use statewright_tests::{Door, DoorEffects, DoorState, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Says what it was asked for, and fails for good when it is broken.
struct Bell {
    is_broken: bool,
    rung: mpsc::UnboundedSender<(EffectCx, u64)>,
}

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        self.rung.send((cx.clone(), times)).map_err(EffectError::fatal)?;
        if self.is_broken { Err(EffectError::fatal("it is broken")) } else { Ok(Some(DoorTrigger::Rung)) }
    }
}

async fn host(world: &World, is_broken: bool) -> (Host<Door>, mpsc::UnboundedReceiver<(EffectCx, u64)>) {
    let (rung, asked) = mpsc::unbounded_channel();
    let host = Host::<Door>::builder(Arc::clone(&world.store)).clock(world.clock.clone());
    (host.effects(Bell { is_broken, rung }).build().await.expect("fine"), asked)
}

/// Dead letters, once there are this many.
async fn letters(host: &Host<Door>, count: usize) -> Vec<DeadLetter> {
    loop {
        let letters = host.dead_letters().list(None, 10).await.expect("it reads");
        if letters.len() == count {
            return letters;
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn effects(world: &World) {
    let (broken, mut asked) = host(world, true).await;
    let mut keys = Vec::new();
    for _ in KNOCKS {
        let (cx, times) = asked.recv().await.expect("the bell is there");
        assert!(KNOCKS.contains(&(cx.tenant(), times)), "each has its own");
        assert_eq!((cx.instance(), cx.revision(), cx.index(), cx.attempt()), ("a", 1, 0, 1));
        assert_eq!(cx.answer_id(), "effect/1/0", "the same in all of them, and each has its own");
        assert!(cx.epoch() > 0);
        keys.push(cx.key());
    }
    letters(&broken, 3).await;
    assert_eq!(world.doors.operator().dead_letters().list(None, 10).await.expect("it reads").len(), 3);
    broken.shutdown().await;
    let key = |tenant: &str| {
        let cx = EffectCx::new(broken.repository().stream(tenant, "a"), (1, 0));
        assert!(keys.contains(&cx.key()));
        cx.key()
    };
    broken.dead_letters().discard(&key("")).await.expect("it is put away");
    let (whole, mut asked) = host(world, false).await;
    whole.dead_letters().retry(&key(ACME)).await.expect("it will be done");
    let (cx, times) = loop {
        // Whoever has the shard looks from time to time.
        world.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        if let Ok(asked) = asked.try_recv() {
            break asked;
        }
    };
    assert_eq!((cx.tenant(), times), (ACME, 1));
    while world.door(ACME).revision().await.expect("it loads") < Revision(2) {
        tokio::task::yield_now().await;
    }
    let left = letters(&whole, 1).await;
    assert_eq!(left[0].key, key(OTHER), "nobody has asked for it");
    assert_eq!(world.door(OTHER).revision().await.expect("it loads"), Revision(1), "it has no answer");
    whole.shutdown().await;
    assert!(asked.try_recv().is_err());
    assert_eq!(world.door("").state().await.expect("it loads"), DoorState::Closed);
}

/// Timers of one name, of one instance id, due at different times.
pub(super) async fn timers(world: &World) {
    let host = Host::<Kettle>::builder(Arc::clone(&world.store)).clock(world.clock.clone());
    let host = host.build().await.expect("fine");
    let kettle = |tenant: &str| host.tenant(tenant).expect("an id").instance("a");
    kettle(ACME).fire(KettleTrigger::Fill).await.expect("it is idle");
    world.clock.advance(Duration::from_secs(5));
    kettle(OTHER).fire(KettleTrigger::Fill).await.expect("it is idle");
    world.clock.advance(Duration::from_secs(5));
    while kettle(ACME).state().await.expect("it loads") != KettleState::Idle {
        tokio::task::yield_now().await;
    }
    assert_eq!(kettle(OTHER).revision().await.expect("it loads"), Revision(1), "its time has not come");
    world.clock.advance(Duration::from_secs(5));
    while kettle(OTHER).state().await.expect("it loads") != KettleState::Idle {
        tokio::task::yield_now().await;
    }
    assert_eq!(kettle(ACME).revision().await.expect("it loads"), Revision(2));
    host.shutdown().await;
}

/// A subject of one name has a key in each tenant, and another without one.
pub(super) async fn personal_keys(world: &World) {
    let host = Host::<Door>::builder(Arc::clone(&world.store)).clock(world.clock.clone());
    let host = host.effects_elsewhere().personal_key(KeyRing::new("k", [7; 32]));
    let host = host.build().await.expect("fine");
    let keys = async || {
        let mut count = 0;
        for shard in (0..world.store.limits().shards).map(Shard) {
            count += world.store.list(shard, "personal/key/", None, 9).await.expect("it reads").len();
        }
        count
    };
    for (count, tenant) in [(1, ACME), (2, OTHER)] {
        host.tenant(tenant).expect("an id").forget("s").await.expect("it is forgotten");
        assert_eq!(keys().await, count, "each has its own");
    }
    host.forget("s").await.expect("it is forgotten");
    assert_eq!(keys().await, 3);
    host.rewrap_personal_keys().await.expect("there is nothing to wrap anew");
    host.operator().rewrap_personal_keys().await.expect("there is nothing to wrap anew");
    world.store.scrub().await.expect("it is done");
    assert_eq!(keys().await, 3);
    host.shutdown().await;
}
