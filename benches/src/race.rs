//! A race: contestants take turns over the same random tasks, and the median of their turns counts.

use std::hint::black_box;
use std::time::Instant;

/// Things to do in one turn: more than a branch predictor learns by heart.
const TASKS: u32 = 1 << 18;

/// Turns of each contestant; the median counts.
const TURNS: usize = 21;

/// Somebody who does a list of things.
pub(crate) struct Contestant<'a, T> {
    name: &'static str,
    run: Box<Run<'a, T>>,
}

type Run<'a, T> = dyn FnMut(&[T]) + 'a;

impl<'a, T> Contestant<'a, T> {
    pub(crate) fn new(name: &'static str, run: impl FnMut(&[T]) + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Runs all in turns and prints nanoseconds for each, and the ratio to the first.
pub(crate) fn race<T>(
    title: &str,
    tasks: impl Fn(&mut fastrand::Rng) -> T,
    mut contestants: Vec<Contestant<'_, T>>,
) {
    let mut rng = fastrand::Rng::with_seed(7);
    let tasks: Vec<T> = (0..TASKS).map(|_| tasks(&mut rng)).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..TURNS {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let began = Instant::now();
            (contestant.run)(black_box(&tasks));
            times.push(began.elapsed());
        }
    }
    println!("\n{title:<24} {:>14} {:>14}", "ns each", "ratio");
    let mut first = None;
    for (contestant, mut times) in contestants.iter().zip(times) {
        times.sort();
        let median = times[times.len() / 2].as_secs_f64() * 1e9 / f64::from(TASKS);
        let ratio = median / *first.get_or_insert(median);
        println!("{:<24} {median:>14.2} {ratio:>14.2}", contestant.name);
    }
}
