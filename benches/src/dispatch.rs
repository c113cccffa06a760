//! What deciding a trigger costs, in memory, beside a `match` written by hand and beside other crates: the same
//! machine, the same random triggers, turn by turn in one run.

mod bare;
mod flat;
mod nested;
mod parallel;

use crate::Failure;
use std::hint::black_box;
use std::time::Instant;

/// Triggers in one turn: more than a branch predictor learns by heart.
const TRIGGERS: u32 = 1 << 18;

/// Turns of each contestant; the median counts.
const TURNS: usize = 21;

/// Somebody who runs a list of triggers.
struct Contestant<'a, T> {
    name: &'static str,
    run: Box<Run<'a, T>>,
}

type Run<'a, T> = dyn FnMut(&[T]) + 'a;

impl<'a, T> Contestant<'a, T> {
    fn new(name: &'static str, run: impl FnMut(&[T]) + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

pub(crate) fn run() -> Result<(), Failure> {
    flat::run();
    nested::run();
    parallel::run()
}

/// Runs all in turns and prints nanoseconds for each trigger, and the ratio to the first.
fn race<T>(title: &str, triggers: impl Fn(&mut fastrand::Rng) -> T, mut contestants: Vec<Contestant<'_, T>>) {
    let mut rng = fastrand::Rng::with_seed(7);
    let triggers: Vec<T> = (0..TRIGGERS).map(|_| triggers(&mut rng)).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..TURNS {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let began = Instant::now();
            (contestant.run)(black_box(&triggers));
            times.push(began.elapsed());
        }
    }
    println!("\n{title:<24} {:>14} {:>14}", "ns a trigger", "ratio");
    let mut first = None;
    for (contestant, mut times) in contestants.iter().zip(times) {
        times.sort();
        let median = times[times.len() / 2].as_secs_f64() * 1e9 / f64::from(TRIGGERS);
        let ratio = median / *first.get_or_insert(median);
        println!("{:<24} {median:>14.2} {ratio:>14.2}", contestant.name);
    }
}
