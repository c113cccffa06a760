//! Whatever fails when: each instance's effects are done in their order, each once, and none is forgotten.

use statewright::Host;
use statewright::clock::{Clock, FakeClock};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::MemoryStore;
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INSTANCES: usize = 12;
/// Together more than the shards have in flight.
const KNOCKS: u64 = 60;

/// Per instance: revision, try and whether it was done.
type Tries = BTreeMap<String, Vec<(u64, u32, bool)>>;

/// Fails as a die says, after some time in which others have their turn.
struct Moody {
    die: Mutex<fastrand::Rng>,
    clock: FakeClock,
    tries: Arc<Mutex<Tries>>,
}

impl DoorEffects for Moody {
    async fn ring(&self, cx: &EffectCx, _times: u64) -> EffectAnswer<Door> {
        let (fails, moments, is_slow) = {
            let mut die = self.die.lock().expect("nobody panics");
            (die.u8(..) < 100, die.usize(..4), die.u8(..) < 10)
        };
        if is_slow {
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        for _ in 0..moments {
            tokio::task::yield_now().await;
        }
        let tried = (cx.revision(), cx.attempt(), !fails);
        self.tries.lock().expect("nobody panics").entry(cx.instance().to_owned()).or_default().push(tried);
        if fails { Err(EffectError::retry("in a bad mood")) } else { Ok(None) }
    }
}

async fn run(seed: u64) -> Tries {
    let (tries, clock) = (Arc::default(), FakeClock::default());
    let mut die = fastrand::Rng::with_seed(seed);
    let moody = Moody { die: Mutex::new(die.fork()), clock: clock.clone(), tries: Arc::clone(&tries) };
    let host = Host::<Door>::builder(MemoryStore::with_shards(2)).clock(clock.clone()).effects(moody);
    let host = host.effects_max(8).effect_attempts(u32::MAX).build().await.expect("fine");
    let mut left = [KNOCKS; INSTANCES];
    while left.iter().any(|left| *left > 0) {
        let instance = die.usize(..INSTANCES);
        if left[instance] > 0 {
            left[instance] -= 1;
            let knock = DoorTrigger::Knock { times: 1 };
            host.instance(&instance.to_string()).fire(knock).await.expect("always");
        }
        clock.advance(Duration::from_millis(die.u64(..5)));
    }
    let done = || {
        let tries: std::sync::MutexGuard<'_, Tries> = tries.lock().expect("nobody panics");
        tries.values().flatten().filter(|(_, _, done)| *done).count()
    };
    for _ in 0..200_000 {
        if done() >= INSTANCES * usize::try_from(KNOCKS).expect("small") {
            break;
        }
        clock.advance(Duration::from_millis(20));
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
    tries.lock().expect("nobody panics").clone()
}

#[tokio::test]
async fn effects_of_an_instance_are_done_in_order_and_once_whatever_fails() {
    for _ in 0..5 {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let tries = run(seed).await;
        assert_eq!(tries.len(), INSTANCES);
        for (instance, tries) in tries {
            let mut expected = Vec::new();
            for revision in 1..=KNOCKS {
                let failures = tries.iter().filter(|(at, _, done)| *at == revision && !*done).count();
                let failures = u32::try_from(failures).expect("few");
                expected.extend((1..=failures).map(|attempt| (revision, attempt, false)));
                expected.push((revision, failures + 1, true));
            }
            assert_eq!(tries, expected, "instance {instance}");
        }
    }
}
