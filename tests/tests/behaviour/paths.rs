//! Paths as scripts, random sequences, and coverage, all from the definition.

use proptest::prelude::*;
use statewright::prelude::*;
use statewright::testing::{Coverage, Paths, sequences, sequences_of};

state_machine! {
    /// Two lamps and a switch for both.
    machine Lamps {
        triggers { Left, Right, Both, Dim { percent: u8 }, Break, #[internal] Blown }
        initial Room;
        on Break => Dark raise Blown;
        parallel Room {
            region L { initial LOff; state LOff { on Left | Both => LOn; } state LOn { on Left | Both => LOff; } }
            region R {
                initial ROff;
                state ROff { on Right | Both => ROn; }
                state ROn {
                    on Right | Both => ROff;
                    on Dim { percent } if percent > 0 => stay;
                    on Dim { .. } => reject "that is off";
                }
            }
        }
        state Dark { on Blown => Dead; }
        final Dead;
    }
}

fn make(name: &str) -> LampsTrigger {
    match name {
        "Left" => LampsTrigger::Left,
        "Right" => LampsTrigger::Right,
        "Both" => LampsTrigger::Both,
        "Dim" => LampsTrigger::Dim { percent: 50 },
        _ => LampsTrigger::Break,
    }
}

#[test]
fn paths_are_found_and_can_be_walked() {
    let paths = Paths::<Lamps>::new();
    assert!(paths.is_complete());
    let shortest: Vec<_> = paths.shortest().iter().map(ToString::to_string).collect();
    assert_eq!(
        shortest,
        [
            "LOff+ROff",
            "LOff+ROff -Left-> LOn+ROff",
            "LOff+ROff -Right-> LOff+ROn",
            "LOff+ROff -Both-> LOn+ROn",
            "LOff+ROff -Break-> Dead",
        ]
    );
    assert_eq!(paths.shortest_to(LampsState::Dead).map(|path| path.lines.len()), Some(1));
    for path in paths.simple().into_iter().chain(paths.transition_cover()) {
        let mut lamps = Instance::<Lamps>::new();
        let triggers = path.triggers::<Lamps>(make).expect("no timers here");
        for (trigger, line) in triggers.into_iter().zip(&path.lines) {
            let step = lamps.fire(trigger).expect("accepted");
            assert_eq!((step.to.to_string(), step.arms), (line.to.clone(), line.arms.clone()), "{path}");
        }
    }
}

#[test]
fn a_transition_cover_takes_every_arm_and_coverage_says_what_is_left() {
    let mut coverage = Coverage::of::<Lamps>();
    for path in Paths::<Lamps>::new().transition_cover() {
        let mut lamps = Instance::<Lamps>::new();
        for trigger in path.triggers::<Lamps>(make).expect("no timers here") {
            coverage.note(&lamps.fire(trigger));
        }
    }
    // What refuses and when a guard fails is no transition.
    let gaps = coverage.gaps();
    assert_eq!(gaps.len(), 2, "{coverage}");
    assert!(
        gaps[0].ends_with("`Dim { percent } [percent > 0]` of `ROn`: the guard always held"),
        "{coverage}"
    );
    assert!(gaps[1].ends_with("`Dim { .. }` of `ROn` was never taken"), "{coverage}");
    let mut lamps = Instance::<Lamps>::new();
    coverage.note(&lamps.fire(LampsTrigger::Right));
    coverage.note(&lamps.fire(LampsTrigger::Dim { percent: 0 }));
    coverage.assert_complete();
}

state_machine! {
    /// Two guards for one trigger, on one line.
    machine Twice {
        data u8;
        triggers { Go { n: u8 } }
        initial Here;
        state Here { on Go { n } if n > 9 => There; on Go { n } if n > 5 => There; on Go { .. } => reject "no"; }
        final There;
    }
}

#[test]
fn coverage_tells_arms_on_one_line_apart() {
    let mut coverage = Coverage::of::<Twice>();
    let fire = |n: u8| Instance::<Twice>::new().fire(TwiceTrigger::Go { n });
    coverage.note(&fire(3));
    let gaps = coverage.gaps();
    assert_eq!(gaps.len(), 2, "{coverage}");
    assert!(gaps.iter().all(|gap| gap.ends_with("was never taken")), "{coverage}");
}

proptest! {
    #[test]
    fn random_sequences_are_fired(bare in sequences::<Lamps>(0..20), all in sequences_of::<Lamps>(0..20, |name| {
        (name == "Dim").then(|| any::<u8>().prop_map(|percent| LampsTrigger::Dim { percent }).boxed())
    })) {
        for sequence in [bare, all] {
            let mut lamps = Instance::<Lamps>::new();
            for trigger in sequence {
                let permitted = lamps.permitted();
                let name = format!("{trigger:?}");
                let forecast = permitted.iter().find(|p| p.trigger == name).and_then(|p| p.forecast);
                let accepted = lamps.fire(trigger).is_ok();
                prop_assert!(forecast.is_none_or(|forecast| forecast == accepted));
            }
        }
    }
}
