//! The clauses of Appendix D that people get wrong, each by hand: what is done, in what order, in what state. Every
//! script runs through the interpreter as well.

use jiff::{SignedDuration, Timestamp};
use statewright::Machine;
use statewright::clock::FakeClock;
use statewright::cx::{Cx, RandomIds};
use statewright::explain::Rejection;
use statewright::machine::MachineTrigger;
use statewright::prelude::*;
use statewright::store::StreamId;
use statewright_oracle::{Did, Interpreter, Outcome, Stimulus, World};
use std::sync::Arc;
use std::time::Duration;

/// An instance and the interpreter beside it.
struct Both<M: Machine> {
    instance: Instance<M>,
    clock: FakeClock,
    interpreter: Interpreter,
    read: usize,
}

fn both<M: Machine<Data = World>>() -> Both<M> {
    let clock = FakeClock::at(Timestamp::UNIX_EPOCH);
    let address = StreamId::new("", M::DEFINITION.machine, "clause");
    let instance = Instance::with(Cx::new(address, Arc::new(clock.clone()), Arc::new(RandomIds)));
    Both { instance, clock, interpreter: Interpreter::new(M::DEFINITION, Timestamp::UNIX_EPOCH), read: 0 }
}

impl<M: Machine<Data = World>> Both<M> {
    /// Fires a trigger: the state it leads to, and what was done since the last call.
    #[track_caller]
    fn fire(&mut self, trigger: M::Trigger) -> (String, Vec<String>) {
        let stimulus = Stimulus { trigger: trigger.id(), n: 0 };
        let step = self.instance.fire(trigger);
        assert_eq!(self.interpreter.fire(stimulus), Outcome::Took);
        if let Err(rejection) = step {
            panic!("{rejection}");
        }
        self.seen()
    }

    /// Fires a trigger that is not accepted; nothing changes.
    #[track_caller]
    fn refused(&mut self, trigger: M::Trigger, outcome: Outcome) -> Rejection {
        let stimulus = Stimulus { trigger: trigger.id(), n: 0 };
        let (before, data) = (self.instance.state(), self.instance.data().clone());
        let rejection = self.instance.fire(trigger).err().expect("not accepted");
        assert_eq!(self.interpreter.fire(stimulus), outcome);
        assert_eq!((self.instance.state(), self.instance.data()), (before, &data));
        rejection
    }

    /// Time passes, and every timer that is due by then is run.
    #[track_caller]
    fn pass(&mut self, seconds: u64) -> (String, Vec<String>) {
        self.clock.advance(Duration::from_secs(seconds));
        self.interpreter.pass(SignedDuration::from_secs(i64::try_from(seconds).expect("small")));
        while let Ok(Some(step)) = self.instance.run_due() {
            assert_eq!(self.interpreter.run_due(), Some(Outcome::Took));
            assert!(step.changes.is_some());
        }
        assert_eq!(self.interpreter.run_due(), None);
        self.seen()
    }

    #[track_caller]
    fn seen(&mut self) -> (String, Vec<String>) {
        assert_eq!(self.instance.data(), &self.interpreter.world);
        assert_eq!(self.instance.state().to_string(), self.interpreter.text());
        let log = self.instance.data().log.get(self.read..).unwrap_or_default().to_vec();
        self.read += log.len();
        (self.instance.state().to_string(), log)
    }
}

#[track_caller]
fn is(found: &(String, Vec<String>), state: &str, log: &[&str]) {
    assert_eq!(
        (found.0.as_str(), found.1.iter().map(String::as_str).collect::<Vec<_>>()),
        (state, log.to_vec())
    );
}

state_machine! {
    /// Two regions answer the same trigger, and both leave the parallel state.
    #[allow(conflicting_regions, unreachable_state)]
    machine Preempted {
        data World;
        triggers { Go, Inner, Back }
        events { Did }
        initial P;
        parallel P {
            exit emit Did::at(1, state);
            region Left {
                initial A;
                on Inner => X emit Did::at(2, state);
                state A { exit emit Did::at(3, state); on Go => X emit Did::at(4, state); }
            }
            region Right {
                initial B;
                state B {
                    exit emit Did::at(5, state);
                    on Go => Y emit Did::at(6, state);
                    on Inner => Y emit Did::at(7, state);
                }
            }
        }
        state X { on Back => P; }
        state Y { on Back => P; }
    }
}

#[test]
fn of_two_regions_the_earlier_wins() {
    let mut both = both::<Preempted>();
    let found = both.fire(PreemptedTrigger::Go);
    is(&found, "X", &["5 in A+B", "3 in A+B", "1 in A+B", "4 in A+B"]);
    both.fire(PreemptedTrigger::Back);
    // The arm of the region is earlier, and its source is no ancestor of the other's: depth decides nothing here.
    is(&both.fire(PreemptedTrigger::Inner), "X", &["5 in A+B", "3 in A+B", "1 in A+B", "2 in A+B"]);
}

state_machine! {
    /// A leaf's arm inside a region beats one that the other region inherits from the parallel state.
    #[allow(unreachable_state)]
    machine Deeper {
        data World;
        triggers { Go, Back }
        events { Did }
        initial P;
        parallel P {
            on Go => X emit Did::at(1, state);
            region Left { initial A; state A { on Back => stay; } }
            region Right { initial B; state B { on Go => C emit Did::at(2, state); } state C { on Back => B; } }
        }
        state X { on Back => P; }
    }
}

#[test]
fn of_two_sources_the_one_inside_wins() {
    let mut both = both::<Deeper>();
    is(&both.fire(DeeperTrigger::Go), "A+C", &["2 in A+B"]);
    is(&both.fire(DeeperTrigger::Go), "X", &["1 in A+C"]);
}

state_machine! {
    machine Remembered {
        data World;
        triggers { Next, Leave, Shallow, Deep, Inside }
        events { Did }
        initial P;
        parallel P {
            history Was;
            deep history All;
            region Left {
                initial A;
                state A { on Next => Box; }
                state Box { initial B; state B { on Inside => C; } state C { entry emit Did::at(1, state); on Inside => B; } }
            }
            region Right { initial D; state D { on Next => E; } state E { on Inside => D; } }
            on Leave => Out;
        }
        state Out { on Shallow => Was; on Deep => All; on Next => P; }
    }
}

#[test]
fn a_history_of_a_parallel_state_restores_its_regions() {
    let mut both = both::<Remembered>();
    both.fire(RememberedTrigger::Leave);
    is(&both.fire(RememberedTrigger::Deep), "A+D", &[]);
    both.fire(RememberedTrigger::Next);
    is(&both.fire(RememberedTrigger::Inside), "C+D", &["1 in C+D"]);
    both.fire(RememberedTrigger::Leave);
    // Shallow: the regions, which begin where they begin. Deep: the leaves.
    is(&both.fire(RememberedTrigger::Shallow), "A+D", &[]);
    both.fire(RememberedTrigger::Next);
    both.fire(RememberedTrigger::Inside);
    both.fire(RememberedTrigger::Leave);
    is(&both.fire(RememberedTrigger::Deep), "C+D", &["1 in C+D"]);
    let history = Remembered::DEFINITION.find("All").expect("declared");
    let names = both
        .instance
        .remembered(history)
        .map(|nodes| nodes.iter().map(|id| Remembered::DEFINITION.name(*id)).collect());
    assert_eq!(names, Some(vec!["C", "D"]));
}

state_machine! {
    machine Selves {
        data World;
        triggers { Stay, Again, Outer, Down, Within, Up }
        events { Did }
        initial Box;
        state Box {
            initial A;
            entry emit Did::at(1, state);
            exit emit Did::at(2, state);
            on Stay => stay emit Did::at(3, state);
            on Outer => Box emit Did::at(4, state);
            on Down => B emit Did::at(5, state);
            on Within => internal B emit Did::at(6, state);
            state A { entry emit Did::at(7, state); exit emit Did::at(8, state); on Again => A; on Up => Box; }
            state B { entry emit Did::at(9, state); exit emit Did::at(10, state); }
        }
    }
}

#[test]
fn stay_leaves_nothing_and_a_self_transition_leaves_all() {
    let mut both = both::<Selves>();
    is(&both.fire(SelvesTrigger::Stay), "A", &["1 in A", "7 in A", "3 in A"]);
    is(&both.fire(SelvesTrigger::Again), "A", &["8 in A", "7 in A"]);
    is(&both.fire(SelvesTrigger::Outer), "A", &["8 in A", "2 in A", "4 in A", "1 in A", "7 in A"]);
    // The target is the ancestor.
    is(&both.fire(SelvesTrigger::Up), "A", &["8 in A", "2 in A", "1 in A", "7 in A"]);
    // The target is a descendant: from outside, and from inside.
    is(&both.fire(SelvesTrigger::Down), "B", &["8 in A", "2 in A", "5 in A", "1 in B", "9 in B"]);
    is(&both.fire(SelvesTrigger::Within), "B", &["10 in B", "6 in B", "9 in B"]);
}

state_machine! {
    machine Ended {
        data World;
        triggers { Left, Right }
        events { Did }
        initial Outer;
        parallel Outer {
            done => Over emit Did::at(1, state);
            region One {
                initial Inner;
                parallel Inner {
                    done => OneEnd emit Did::at(2, state);
                    region A { initial A1; done => stay emit Did::at(3, state); state A1 { on Left => A2; } final A2; }
                    region B { initial B1; done => stay emit Did::at(4, state); state B1 { on Left => B2; } final B2; }
                }
                final OneEnd;
            }
            region Two { initial C1; done => stay emit Did::at(5, state); state C1 { on Right => C2; } final C2; }
        }
        final Over;
    }
}

#[test]
fn a_parallel_state_is_done_when_every_region_is() {
    let mut both = both::<Ended>();
    // The regions' ends are heard before their parallel state's; the end of `Inner` does not end `Outer`.
    let found = both.fire(EndedTrigger::Left);
    is(&found, "OneEnd+C1", &["3 in A2+B2+C1", "4 in A2+B2+C1", "2 in A2+B2+C1"]);
    is(&both.fire(EndedTrigger::Right), "Over", &["5 in OneEnd+C2", "1 in OneEnd+C2"]);
    both.refused(EndedTrigger::Left, Outcome::Finished);
}

state_machine! {
    machine Chained {
        data World;
        triggers { Go, Back }
        events { Did }
        initial P;
        parallel P {
            region Left {
                initial A;
                state A { on Go => B emit Did::at(1, state); }
                state B { always if state.is_in(ChainedNode::Y) => C emit Did::at(2, state); }
                state C { on Back => A; }
            }
            region Right {
                initial X;
                state X { always if state.is_in(ChainedNode::B) => Y emit Did::at(3, state); }
                state Y { always if state.is_in(ChainedNode::C) => Z emit Did::at(4, state); on Back => X; }
                state Z { on Back => X; }
            }
        }
    }
}

#[test]
fn eventless_arms_run_in_all_regions_until_nothing_applies() {
    let mut both = both::<Chained>();
    is(&both.fire(ChainedTrigger::Go), "C+Z", &["1 in A+X", "3 in B+X", "2 in B+Y", "4 in C+Y"]);
}

state_machine! {
    #[allow(unused_trigger)]
    machine Raising {
        data World;
        triggers { Go, #[internal] First, #[internal] Second, #[internal] Bad, Spoil, Nobody }
        events { Did }
        initial A;
        state A {
            exit raise First;
            on Go => Box emit Did::at(1, state) raise Second;
            on Spoil => B emit Did::at(2, state) raise Bad;
        }
        state Box {
            initial Last;
            // Queued behind what was raised before; heard after it.
            done => B emit Did::at(3, state);
            on First => stay emit Did::at(4, state);
            on Second => stay emit Did::at(5, state) raise Nobody;
            final Last;
        }
        state B {
            on Go => A;
            on Bad => reject "spoilt";
        }
    }
}

#[test]
fn what_is_raised_comes_before_the_next_trigger_in_its_order() {
    let mut both = both::<Raising>();
    is(&both.fire(RaisingTrigger::Go), "B", &["1 in A", "4 in Last", "5 in Last", "3 in Last"]);
    both.refused(RaisingTrigger::First, Outcome::NotHandled);
    both.fire(RaisingTrigger::Go);
    // What is raised and refused takes the whole step back.
    let rejection = both.refused(RaisingTrigger::Spoil, Outcome::Refused);
    assert_eq!(rejection.to_string(), "`Raising` in `B` refuses `Bad`: spoilt");
    is(&both.fire(RaisingTrigger::Go), "B", &["1 in A", "4 in Last", "5 in Last", "3 in Last"]);
}

state_machine! {
    machine Sibling {
        data World;
        triggers { Cross, Own, Keep, Several, Any }
        events { Did }
        initial P;
        on Any => Out emit Did::at(20, state);
        parallel P {
            entry emit Did::at(1, state);
            exit emit Did::at(2, state);
            region Left {
                initial A;
                entry emit Did::at(3, state);
                exit emit Did::at(4, state);
                on Own => A emit Did::at(5, state);
                on Keep => internal B emit Did::at(6, state);
                state A { on Cross => Y emit Did::at(7, state); }
                state B { }
            }
            region Right {
                initial X;
                entry emit Did::at(8, state);
                exit emit Did::at(9, state);
                state X { }
                state Y { }
            }
        }
        state Out { on Several => (B, Y); }
    }
}

#[test]
fn an_arm_into_another_region_leaves_the_parallel_state() {
    let mut both = both::<Sibling>();
    let begun = ["1 in A+X", "3 in A+X", "8 in A+X"];
    let again = ["9 in A+X", "4 in A+X", "2 in A+X", "7 in A+X", "1 in A+Y", "3 in A+Y", "8 in A+Y"];
    let found = both.fire(SiblingTrigger::Cross);
    is(&found, "A+Y", &[&begun[..], &again[..]].concat());
    // A region is never left alone: from the region itself the siblings are left too, unless the arm is internal.
    let own = ["9 in A+Y", "4 in A+Y", "2 in A+Y", "5 in A+Y", "1 in A+X", "3 in A+X", "8 in A+X"];
    is(&both.fire(SiblingTrigger::Own), "A+X", &own);
    is(&both.fire(SiblingTrigger::Keep), "B+X", &["6 in A+X"]);
    let out = ["9 in B+X", "4 in B+X", "2 in B+X", "20 in B+X"];
    is(&both.fire(SiblingTrigger::Any), "Out", &out);
    is(&both.fire(SiblingTrigger::Several), "B+Y", &["1 in B+Y", "3 in B+Y", "8 in B+Y"]);
}

state_machine! {
    #[allow(dead_end)]
    machine Vetoed {
        data World;
        triggers { Ask, Hard, Shrug }
        events { Did }
        initial P;
        parallel P {
            on Ask => reject "not now";
            region Left {
                initial A;
                state A { on Ask => stay emit Did::at(1, state); on Hard => reject "never"; on Shrug => stay emit Did::at(2, state); }
            }
            region Right {
                initial B;
                state B { on Hard => stay emit Did::at(3, state); ignore Shrug; on Ask if data.is(1) => reject "enough"; }
            }
        }
    }
}

#[test]
fn a_region_that_answers_is_not_vetoed_by_what_it_inherits() {
    let mut both = both::<Vetoed>();
    is(&both.fire(VetoedTrigger::Ask), "A+B", &["1 in A+B"]);
    // A refusal of the same rank refuses all; what one region ignores does not stop the other.
    let rejection = both.refused(VetoedTrigger::Hard, Outcome::Refused);
    assert_eq!(rejection.reason(), Some("never"));
    is(&both.fire(VetoedTrigger::Shrug), "A+B", &["2 in A+B"]);
    let rejection = both.refused(VetoedTrigger::Ask, Outcome::Refused);
    assert_eq!(rejection.reason(), Some("enough"));
    let verdicts: Vec<_> =
        rejection.explanation().candidates.iter().map(std::string::ToString::to_string).collect();
    assert_eq!(verdicts.len(), 3, "{verdicts:#?}");
}

state_machine! {
    machine Timed {
        data World;
        triggers { Stay, Again, Next, Off }
        events { Did }
        initial Box;
        every 10s => stay emit Did::at(1, state);
        state Box {
            initial A;
            after 6s => Late emit Did::at(2, state);
            on Stay => stay;
            state A {
                after 4s if !data.is(3) => B emit Did::at(3, state);
                after 4s => stay emit Did::at(4, state);
                on Again => A;
                on Next => B;
            }
            state B { on Next => A; }
        }
        state Late { on Next => Box; on Off => End; }
        final End;
    }
}

#[test]
fn timers_run_from_entry_and_are_cleared_by_exit() {
    let mut both = both::<Timed>();
    both.fire(TimedTrigger::Stay);
    is(&both.pass(3), "A", &[]);
    // `stay` touches no timer, leaving and entering sets them anew.
    both.fire(TimedTrigger::Stay);
    both.fire(TimedTrigger::Again);
    is(&both.pass(2), "A", &[]);
    // The compound's timer runs while its child is active; the child's are cleared by its exit.
    is(&both.pass(1), "Late", &["2 in A"]);
    is(&both.pass(3), "Late", &[]);
    // The machine's own timer repeats in its phase; turns that were missed are left out.
    is(&both.pass(26), "Late", &["1 in Late"]);
    both.fire(TimedTrigger::Next);
    is(&both.pass(4), "B", &["3 in A"]);
    both.fire(TimedTrigger::Next);
    // A guard that does not hold spends the timer; the next one that is due at the same time is run.
    is(&both.pass(1), "A", &["1 in A"]);
    let due: Vec<_> = both.instance.timers().map(|timer| timer.due.as_second()).collect();
    assert_eq!(due, [41, 43, 43, 50]);
    is(&both.pass(1), "Late", &["2 in A"]);
    both.fire(TimedTrigger::Off);
    assert_eq!(both.instance.next_due(), None);
}

state_machine! {
    machine Turning {
        data World;
        triggers { Go, Back }
        events { Did }
        initial A;
        state A { on Go => B emit Did::at(1, state); }
        state B { always if data.is(1) => C emit Did::at(2, state); on Back => A; }
        state C { always if data.is(1) => B; on Back => A; }
    }
}

#[test]
fn a_step_that_does_not_come_to_rest_changes_nothing() {
    let mut both = both::<Turning>();
    let rejection = both.refused(TurningTrigger::Go, Outcome::Livelock);
    assert!(matches!(rejection, Rejection::Livelock { .. }));
    assert_eq!(rejection.to_string(), "`Turning` in `A` does not come to rest: more than 64 microsteps");
    assert!(!both.instance.has_begun());
}

state_machine! {
    /// A history of what lies around both its default and the arm that leads to it.
    machine Inward {
        data World;
        triggers { Go, Next, Out, In }
        events { Did }
        initial Inside;
        state Inside {
            initial P;
            history Was => A;
            on Out => Outside;
            parallel P {
                entry emit Did::at(1, state);
                region Left {
                    initial A;
                    entry emit Did::at(2, state);
                    state A { entry emit Did::at(3, state); exit emit Did::at(4, state); on Go => Was; }
                }
                region Right { initial B; state B { on Next => C; } state C { entry emit Did::at(5, state); on Next => B; } }
            }
        }
        state Outside { on In => Was; }
    }
}

#[test]
fn a_history_enters_nothing_that_was_not_left() {
    let mut both = both::<Inward>();
    is(&both.fire(InwardTrigger::Next), "A+C", &["1 in A+B", "2 in A+B", "3 in A+B", "5 in A+C"]);
    // What it stands for lies beside the arm: the parallel state is neither left nor entered, the other region stays.
    is(&both.fire(InwardTrigger::Go), "A+C", &["4 in A+C", "3 in A+C"]);
    both.fire(InwardTrigger::Out);
    let found = both.fire(InwardTrigger::In);
    is(&found, "A+B", &["1 in A+B", "2 in A+B", "3 in A+B"]);
}
