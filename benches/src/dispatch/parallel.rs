//! Three regions that answer together, and what a step allocates.

use super::{Contestant, race};
use crate::Failure;
use statewright::Instance;
use statewright::prelude::*;
use std::hint::black_box;

state_machine! {
    /// Three toggles; all answer `All`, each its own trigger.
    pub machine Board {
        triggers { All, First, Second, Third }
        initial Lit;
        parallel Lit {
            region Left { initial A; state A { on All | First => B; } state B { on All | First => A; } }
            region Middle { initial C; state C { on All | Second => D; } state D { on All | Second => C; } }
            region Right { initial E; state E { on All | Third => F; } state F { on All | Third => E; } }
        }
    }
}

pub(super) fn run() -> Result<(), Failure> {
    let mut by_hand = [false; 3];
    let mut ours = Instance::<Board>::new();
    let contestants = vec![
        Contestant::new("by hand", |triggers: &[BoardTrigger]| {
            for trigger in triggers {
                let from = by_hand;
                let answers = match black_box(trigger) {
                    BoardTrigger::All => [true; 3],
                    BoardTrigger::First => [true, false, false],
                    BoardTrigger::Second => [false, true, false],
                    BoardTrigger::Third => [false, false, true],
                };
                for (state, answers) in by_hand.iter_mut().zip(answers) {
                    *state ^= answers;
                }
                black_box((from, by_hand));
            }
        }),
        Contestant::new("statewright", move |triggers: &[BoardTrigger]| {
            for trigger in triggers {
                if let Ok(step) = ours.fire(black_box(trigger).clone()) {
                    black_box((step.from, step.to));
                }
            }
        }),
    ];
    race("three regions", trigger, contestants);
    let mut ours = Instance::<Board>::new();
    let mut rng = fastrand::Rng::with_seed(7);
    let steps = 1_000;
    let count = allocation_counter::measure(|| {
        for _ in 0..steps {
            let _ = black_box(ours.fire(trigger(&mut rng)));
        }
    });
    println!(
        "{:<24} {:>14.2}",
        "allocations a step",
        f64::from(u32::try_from(count.count_total)?) / f64::from(steps)
    );
    Ok(())
}

fn trigger(rng: &mut fastrand::Rng) -> BoardTrigger {
    match rng.u8(..4) {
        0 => BoardTrigger::All,
        1 => BoardTrigger::First,
        2 => BoardTrigger::Second,
        _ => BoardTrigger::Third,
    }
}
