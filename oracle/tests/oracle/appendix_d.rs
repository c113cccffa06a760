//! Random machines and random triggers: the generated code does what the interpreter does.

use crate::{Run, machines};
use jiff::{SignedDuration, Timestamp};
use statewright::Machine;
use statewright::clock::FakeClock;
use statewright::cx::{Cx, RandomIds};
use statewright::definition::explore::Graph;
use statewright::definition::{NodeId, TriggerId};
use statewright::explain::Rejection;
use statewright::machine::MachineState as _;
use statewright::store::StreamId;
use statewright::{Instance, Step};
use statewright_oracle::{Interpreter, Outcome, Stimulus};
use std::sync::Arc;

/// Sequences for each machine; with the machines of the build, more than 100,000 in all.
const SEQUENCES: u64 = 1_050;

/// The machines are shared out among tests, which run side by side.
const PARTS: u64 = 4;

#[derive(Default)]
struct Hold {
    part: u64,
    machines: u64,
    /// Where the compiler says that runs can rest; empty where it has not looked at all of them.
    known: std::collections::BTreeSet<String>,
    cases: u64,
    steps: u64,
    outcomes: std::collections::BTreeMap<String, u64>,
}

impl Run for Hold {
    fn machine<M: Machine<Data = statewright_oracle::World>>(&mut self, trigger: fn(u16, u8) -> M::Trigger) {
        self.machines += 1;
        if self.machines % PARTS != self.part {
            return;
        }
        let sequences =
            std::env::var("STATEWRIGHT_ORACLE_SEQUENCES").map_or(SEQUENCES, |n| n.parse().expect("a number"));
        let graph = Graph::of(M::DEFINITION);
        let resting = graph.places.iter().zip(&graph.rests).filter(|(_, rests)| **rests && graph.complete);
        self.known = resting.map(|(place, _)| place.configuration.text(M::DEFINITION)).collect();
        for seed in 0..sequences {
            self.sequence::<M>(seed, trigger);
            self.cases += 1;
        }
    }
}

impl Hold {
    fn sequence<M: Machine<Data = statewright_oracle::World>>(
        &mut self,
        seed: u64,
        trigger: fn(u16, u8) -> M::Trigger,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = FakeClock::at(Timestamp::UNIX_EPOCH);
        let address = StreamId::new("", M::DEFINITION.machine, "oracle");
        let mut instance =
            Instance::<M>::with(Cx::new(address, Arc::new(clock.clone()), Arc::new(RandomIds)));
        let mut oracle = Interpreter::new(M::DEFINITION, Timestamp::UNIX_EPOCH);
        let mut script = Vec::new();
        for _ in 0..random.usize(1..12) {
            self.steps += 1;
            let (ours, theirs) = if random.u8(0..8) == 0 {
                let seconds = random.i64(0..6);
                script.push(format!("{seconds} s pass"));
                clock.advance(std::time::Duration::from_secs(seconds.unsigned_abs()));
                oracle.pass(SignedDuration::from_secs(seconds));
                (outcome_due(instance.run_due()), oracle.run_due())
            } else {
                let stimulus = Stimulus { trigger: TriggerId(random.u16(0..5)), n: random.u8(0..9) };
                script.push(format!("{stimulus:?}"));
                let step = instance.fire(trigger(stimulus.trigger.0, stimulus.n));
                let theirs = match oracle.fire(stimulus) {
                    Outcome::NotHandled
                        if M::DEFINITION.unhandled == statewright::definition::Unhandled::Ignore
                            && !M::DEFINITION.triggers[stimulus.trigger.index()].internal =>
                    {
                        Outcome::Ignored
                    }
                    outcome => outcome,
                };
                (Some(outcome(step)), Some(theirs))
            };
            let at = format!(
                "machine {} of seed {}, sequence {seed}: {script:#?}",
                M::DEFINITION.machine,
                env!("ORACLE_SEED")
            );
            assert_eq!(ours, theirs, "{at}");
            assert_eq!(instance.data(), &oracle.world, "{at}");
            *self.outcomes.entry(format!("{ours:?}")).or_default() += 1;
            if ours == Some(Outcome::Livelock) {
                break;
            }
            if !oracle.has_begun() {
                assert!(!instance.has_begun(), "{at}");
                continue;
            }
            assert!(oracle.is_legal(), "{} is no configuration: {at}", oracle.text());
            assert_eq!(instance.state().text(), oracle.text(), "{at}");
            assert!(
                self.known.is_empty() || self.known.contains(&oracle.text()),
                "the compiler knows no run to {}: {at}",
                oracle.text()
            );
            let due: std::collections::BTreeMap<_, _> =
                instance.timers().map(|timer| (timer.arm, timer.due)).collect();
            assert_eq!(due.into_iter().collect::<Vec<_>>(), oracle.timers(), "{at}");
            let theirs: std::collections::BTreeMap<_, _> = oracle.histories().into_iter().collect();
            for (place, _) in
                M::DEFINITION.nodes.iter().enumerate().filter(|(_, node)| node.kind.is_history())
            {
                let history = NodeId(u16::try_from(place).expect("few"));
                assert_eq!(instance.remembered(history), theirs.get(&history).map(Vec::as_slice), "{at}");
            }
        }
    }
}

fn outcome<M: Machine>(step: Result<Step<M>, Rejection>) -> Outcome {
    match step {
        Ok(step) if step.ignored => Outcome::Ignored,
        Ok(_) => Outcome::Took,
        Err(Rejection::Refused { .. }) => Outcome::Refused,
        Err(Rejection::NotHandled { .. }) => Outcome::NotHandled,
        Err(Rejection::Finished { .. }) => Outcome::Finished,
        Err(_) => Outcome::Livelock,
    }
}

fn outcome_due<M: Machine>(step: Result<Option<Step<M>>, Rejection>) -> Option<Outcome> {
    match step {
        Ok(None) => None,
        Ok(Some(step)) => Some(outcome(Ok::<_, Rejection>(step))),
        Err(rejection) => Some(outcome::<M>(Err(rejection))),
    }
}

fn hold(part: u64) {
    let mut hold = Hold { part, ..Hold::default() };
    machines::each(&mut hold);
    println!(
        "seed {}, part {part}: {} sequences, {} steps, {:?}",
        env!("ORACLE_SEED"),
        hold.cases,
        hold.steps,
        hold.outcomes
    );
    assert!(hold.cases >= 100_000 / PARTS || std::env::var_os("STATEWRIGHT_ORACLE_SEQUENCES").is_some());
}

#[test]
fn steps_are_those_of_appendix_d_first_part() {
    hold(0);
}

#[test]
fn steps_are_those_of_appendix_d_second_part() {
    hold(1);
}

#[test]
fn steps_are_those_of_appendix_d_third_part() {
    hold(2);
}

#[test]
fn steps_are_those_of_appendix_d_fourth_part() {
    hold(3);
}
