//! What `diff` says of two versions of a machine, held against what loading older records really does.

use serde::{Deserialize, Serialize};
use statewright::clock::FakeClock;
use statewright::cx::RandomIds;
use statewright::definition::diff::Severity;
use statewright::error::LoadError;
use statewright::machine::Machine;
use statewright::prelude::*;
use statewright::repository::{Loaded, Origin};
use statewright::store::{MemoryStore, Outcome, Store};
use statewright::{Instance, Repository};
use std::sync::Arc;
use std::time::Duration;

/// How often a job was started.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Starts(u32);

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "job.started", version = 1)]
struct Started;

impl Apply<Started> for Starts {
    fn apply(&mut self, _: &Started) {
        self.0 += 1;
    }
}

mod yesterday {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Ended;
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
            }
            state Paused { on Resume => Busy; }
            final Ended;
        }
    }
}

/// A state has another name, and `migrate` says so; a state and an arm are new.
mod renamed {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; on Pause => Asleep; }
            state Asleep { on Resume => Idle; }
            parallel Busy {
                on Pause => Held;
                on Stop => Ended;
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
            }
            state Held { on Resume => Busy; }
            final Ended;
            migrate { Paused => Held; }
        }
    }
}

/// A state has gone.
mod gone {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Stop => Ended;
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
            }
            final Ended;
        }
    }
}

/// An arm leads elsewhere, and a time span is another.
mod redirected {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Idle;
                region Work { initial Cutting; state Cutting { after 9m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
            }
            state Paused { on Resume => Busy; on Stop => Ended; }
            final Ended;
        }
    }
}

/// A region is new.
mod widened {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Ended;
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
                region Light { initial Lit; state Lit; }
            }
            state Paused { on Resume => Busy; }
            final Ended;
        }
    }
}

/// The regions stand the other way round.
mod turned {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Ended;
                region Watch { initial Calm; state Calm; }
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
            }
            state Paused { on Resume => Busy; }
            final Ended;
        }
    }
}

/// An event has gone.
mod silent {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            initial Idle;
            state Idle { on Start => Busy; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Ended;
                region Work { initial Cutting; state Cutting { after 5m => Late; } state Late; }
                region Watch { initial Calm; state Calm; }
            }
            state Paused { on Resume => Busy; }
            final Ended;
        }
    }
}

/// A timer stands before the one that was there.
mod shifted {
    use super::*;

    state_machine! {
        pub(super) machine Job {
            data Starts;
            triggers { Start, Pause, Resume, Stop }
            events { Started }
            initial Idle;
            state Idle { on Start => Busy emit Started; }
            parallel Busy {
                on Pause => Paused;
                on Stop => Ended;
                region Work {
                    initial Cutting;
                    state Cutting { every 1m => stay; after 5m => Late; }
                    state Late;
                }
                region Watch { initial Calm; state Calm; }
            }
            state Paused { on Resume => Busy; }
            final Ended;
        }
    }
}

struct Past {
    store: Arc<dyn Store>,
    clock: FakeClock,
}

impl Past {
    /// One instance that is busy, and one that is paused.
    async fn recorded() -> Self {
        use yesterday::{Job, JobTrigger};
        let past = Self { store: Arc::new(MemoryStore::new()), clock: FakeClock::default() };
        let repository = past.repository::<Job>();
        for (name, triggers) in
            [("busy", &[JobTrigger::Start][..]), ("paused", &[JobTrigger::Start, JobTrigger::Pause][..])]
        {
            let stream = repository.stream("", name);
            let mut loaded = repository.load(&stream).await.expect("it is empty");
            let fire = |trigger: &JobTrigger| {
                (loaded.instance.fire(trigger.clone()).expect("accepted"), Origin::default())
            };
            let steps = triggers.iter().map(fire).collect();
            let outcome = repository.save(&stream, &mut loaded, steps).await.expect("JSON");
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        }
        past
    }

    fn repository<M: Machine>(&self) -> Repository<M> {
        Repository::with(Arc::clone(&self.store), Arc::new(self.clock.clone()), Arc::new(RandomIds))
    }

    async fn load<M: Machine>(&self, name: &str) -> Result<Loaded<M>, LoadError> {
        let repository = self.repository::<M>();
        repository.load(&repository.stream("", name)).await
    }

    /// The states of both instances, as a newer version reads them.
    async fn read<M: Machine>(&self) -> [Option<String>; 2] {
        let state = |loaded: Result<Loaded<M>, LoadError>| Some(loaded.ok()?.instance.state().to_string());
        [state(self.load("busy").await), state(self.load("paused").await)]
    }
}

fn worst<M: Machine>() -> Option<Severity> {
    yesterday::Job::DEFINITION.diff(M::DEFINITION).worst()
}

fn texts(texts: [&str; 2]) -> [Option<String>; 2] {
    texts.map(|text| Some(text.to_owned()))
}

#[tokio::test]
async fn what_is_safe_or_needs_care_loads() {
    let past = Past::recorded().await;
    assert_eq!(worst::<yesterday::Job>(), None);
    assert_eq!(worst::<renamed::Job>(), Some(Severity::Safe));
    assert_eq!(past.read::<renamed::Job>().await, texts(["Cutting+Calm", "Held"]));
    assert_eq!(worst::<redirected::Job>(), Some(Severity::Care));
    assert_eq!(past.read::<redirected::Job>().await, texts(["Cutting+Calm", "Paused"]));
    let [old, new] = [due::<yesterday::Job>(&past).await, due::<redirected::Job>(&past).await];
    assert_eq!(old, new, "a recorded deadline stands");
}

#[tokio::test]
async fn what_breaks_does_not_load() {
    let past = Past::recorded().await;
    for (worst, read) in [
        (worst::<gone::Job>(), past.read::<gone::Job>().await[1].clone()),
        (worst::<widened::Job>(), past.read::<widened::Job>().await[0].clone()),
        (worst::<turned::Job>(), past.read::<turned::Job>().await[0].clone()),
        (worst::<silent::Job>(), past.read::<silent::Job>().await[0].clone()),
    ] {
        assert_eq!((worst, read), (Some(Severity::Breaking), None));
    }
}

#[tokio::test]
async fn a_timer_that_is_shifted_leaves_its_deadlines_to_another() {
    let past = Past::recorded().await;
    assert_eq!(worst::<shifted::Job>(), Some(Severity::Breaking));
    past.clock.advance(Duration::from_mins(5));
    let mut late = past.load::<yesterday::Job>("busy").await.expect("it loads").instance;
    let mut lost = past.load::<shifted::Job>("busy").await.expect("it loads").instance;
    assert!(late.run_due().expect("it runs").is_some() && lost.run_due().expect("it runs").is_some());
    assert_eq!(
        (late.state().to_string(), lost.state().to_string()),
        ("Late+Calm".into(), "Cutting+Calm".into())
    );
}

async fn due<M: Machine>(past: &Past) -> Vec<String> {
    let loaded = past.load::<M>("busy").await.expect("it loads");
    let instance: &Instance<M> = &loaded.instance;
    instance.timers().map(|timer| timer.due.to_string()).collect()
}
