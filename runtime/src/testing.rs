//! Given a past, when a trigger is fired, then these events, effects and this state.
//!
//! ```text
//! given::<Order>().state(OrderState::Submitted).event(OrderSubmitted { .. })
//!     .when(OrderTrigger::Pay { cents: 4200 })
//!     .then_state(OrderState::Picking)
//!     .then_event(OrderPaid { cents: 4200 })
//!     .then_no_more();
//! ```
//!
//! Events and effects are compared as they would be recorded, so they need no `PartialEq`. A difference panics
//! with both sides, as assertions do; nothing here is for code that ships.

//! Besides: [`Paths`] through a machine as scripts of triggers, [`Coverage`] of its arms and guards, and with the feature
//! `proptest` random sequences of triggers.

#![allow(clippy::return_self_not_must_use, reason = "an assertion is done when it is called")]

mod coverage;
mod lock;
mod paths;
#[cfg(feature = "proptest")]
mod strategy;

pub use coverage::Coverage;
pub use lock::{check_lock, update_lock};
pub use paths::{Line, Path, Paths};
#[cfg(feature = "proptest")]
pub use strategy::{sequences, sequences_of};

use crate::clock::{Clock, FakeClock};
use crate::cx::{Cx, Ids};
use crate::explain::Rejection;
use crate::instance::{Instance, Step};
use crate::machine::{Machine, MachineEvent};
use crate::personal::compared;
use crate::store::StreamId;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Ids that count: 1, 2, 3 and so on, so that a test can name them.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn new_id(&self, _now: Timestamp) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// Begins a test: an instance called `test` that has not begun, at 1970-01-01T00:00:00Z.
pub fn given<M: Machine>() -> Given<M> {
    Given { state: None, events: Vec::new(), clock: FakeClock::default() }
}

/// A past.
#[must_use]
pub struct Given<M: Machine> {
    state: Option<M::State>,
    events: Vec<M::Event>,
    clock: FakeClock,
}

impl<M: Machine> Given<M> {
    /// The instance has begun and rests in `state`.
    pub fn state(mut self, state: M::State) -> Self {
        self.state = Some(state);
        self
    }

    /// This has happened, and is part of the data.
    pub fn event(mut self, event: impl Into<M::Event>) -> Self {
        self.events.push(event.into());
        self
    }

    /// It is `now`.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.clock = FakeClock::at(now);
        self
    }

    /// Fires a trigger.
    pub fn when(self, trigger: M::Trigger) -> Then<M> {
        let mut instance = self.instance();
        let outcome = instance.fire(trigger);
        Then::new(instance, outcome)
    }

    /// Begins the instance without a trigger.
    ///
    /// # Panics
    /// When the past says that it has begun.
    pub fn when_started(self) -> Then<M> {
        let mut instance = self.instance();
        let outcome =
            instance.start().transpose().expect("`when_started` is for an instance that has not begun");
        Then::new(instance, outcome)
    }

    /// The instance with this past.
    pub fn instance(self) -> Instance<M> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock);
        let address = StreamId::new("", M::DEFINITION.machine, "test");
        let mut instance = Instance::with(Cx::new(address, clock, Arc::new(CountingIds::default())));
        if self.state.is_some() || !self.events.is_empty() {
            instance.replay(&self.events, self.state.unwrap_or(M::INITIAL));
        }
        instance
    }
}

/// What came of it.
pub struct Then<M: Machine> {
    instance: Instance<M>,
    outcome: Result<Step<M>, Rejection>,
    events_seen: usize,
    effects_seen: usize,
}

impl<M: Machine> Then<M> {
    fn new(instance: Instance<M>, outcome: Result<Step<M>, Rejection>) -> Self {
        Self { instance, outcome, events_seen: 0, effects_seen: 0 }
    }

    /// The step was accepted and led to `state`.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn then_state(self, state: M::State) -> Self {
        let to = self.step().to;
        assert_eq!(to, state, "the step led elsewhere");
        self
    }

    /// The next event of the step is this one.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn then_event(mut self, event: impl Into<M::Event>) -> Self {
        let found = self.step().events.get(self.events_seen).map(recorded_event::<M>);
        assert_eq!(
            found,
            Some(recorded_event::<M>(&event.into())),
            "event {} of the step differs",
            self.events_seen
        );
        self.events_seen += 1;
        self
    }

    /// The next effect of the step is this one.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value)] // reads as the action does: `then_effect(OrderEffect::Charge { .. })`
    pub fn then_effect(mut self, effect: M::Effect) -> Self {
        let found = self.step().effects.get(self.effects_seen).map(recorded_effect::<M>);
        assert_eq!(
            found,
            Some(recorded_effect::<M>(&effect)),
            "effect {} of the step differs",
            self.effects_seen
        );
        self.effects_seen += 1;
        self
    }

    /// No events and effects but those named.
    ///
    /// # Panics
    /// When there are more.
    #[track_caller]
    pub fn then_no_more(self) -> Self {
        let step = self.step();
        let more: Vec<_> = step.events.iter().skip(self.events_seen).map(recorded_event::<M>).collect();
        assert!(more.is_empty(), "the step has more events: {more:#?}");
        let more: Vec<_> = step.effects.iter().skip(self.effects_seen).map(recorded_effect::<M>).collect();
        assert!(more.is_empty(), "the step has more effects: {more:#?}");
        self
    }

    /// The trigger was accepted and nothing happened.
    ///
    /// # Panics
    /// When it was rejected or something did.
    #[track_caller]
    pub fn then_ignored(self) -> Self {
        assert!(self.step().ignored, "the trigger was not ignored");
        self
    }

    /// A `reject` arm refused it with this reason.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn then_refused(self, reason: &str) -> Self {
        assert_eq!(self.rejection().reason(), Some(reason), "rejected otherwise: {}", self.rejection());
        self
    }

    /// No arm answered it.
    ///
    /// # Panics
    /// When one did.
    #[track_caller]
    pub fn then_not_handled(self) -> Self {
        let rejection = self.rejection();
        assert!(matches!(rejection, Rejection::NotHandled { .. }), "rejected otherwise: {rejection}");
        self
    }

    /// The instance had finished.
    ///
    /// # Panics
    /// When it had not.
    #[track_caller]
    pub fn then_finished(self) -> Self {
        let rejection = self.rejection();
        assert!(matches!(rejection, Rejection::Finished { .. }), "rejected otherwise: {rejection}");
        self
    }

    /// Looks at the data.
    pub fn then_data(self, look: impl FnOnce(&M::Data)) -> Self {
        look(self.instance.data());
        self
    }

    /// Fires another trigger at the same instance.
    pub fn and_when(self, trigger: M::Trigger) -> Self {
        let mut instance = self.instance;
        let outcome = instance.fire(trigger);
        Self::new(instance, outcome)
    }

    #[track_caller]
    fn step(&self) -> &Step<M> {
        self.outcome.as_ref().unwrap_or_else(|rejection| panic!("the trigger was rejected: {rejection}"))
    }

    #[track_caller]
    fn rejection(&self) -> &Rejection {
        match &self.outcome {
            Err(rejection) => rejection,
            Ok(step) => panic!("the trigger was accepted and led to `{}`", step.to),
        }
    }
}

fn recorded_event<M: Machine>(event: &M::Event) -> String {
    let payload = compared(|| event.payload());
    let payload = payload.map_or_else(|error| error.to_string(), |json| json.get().to_owned());
    format!("{} {} {payload}", event.name(), event.version())
}

fn recorded_effect<M: Machine>(effect: &M::Effect) -> String {
    compared(|| serde_json::to_string(effect)).unwrap_or_else(|error| error.to_string())
}
