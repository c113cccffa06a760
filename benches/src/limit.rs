//! What a passed check of a rate limit costs, uncontended, beside the crate `governor`.

use crate::Failure;
use crate::race::{Contestant, race};
use governor::{Quota, RateLimiter};
use statewright::clock::SystemClock;
use statewright::limit::{Key, KeyedLimiter, Limiter, RateLimit};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// More in a second than a core asks for, so that every check passes.
const RATE: NonZeroU32 = NonZeroU32::new(50_000_000).expect("more than nothing");
const BURST: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("more than nothing");

pub(crate) fn run() -> Result<(), Failure> {
    let limit = || RateLimit::new(RATE.get(), Duration::from_secs(1)).burst(BURST.get());
    let governor = RateLimiter::direct(Quota::per_second(RATE).allow_burst(BURST));
    let governor_keyed = RateLimiter::hashmap(Quota::per_second(RATE).allow_burst(BURST));
    let name = String::from("acme/order-17");
    let limiter = Limiter::new(limit(), Arc::new(SystemClock))?;
    let keyed = KeyedLimiter::new(limit(), Arc::new(SystemClock))?;
    let contestants = vec![
        Contestant::new("governor", |turns: &[()]| {
            for () in turns {
                black_box(governor.check().is_ok());
            }
        }),
        Contestant::new("one bucket", |turns: &[()]| {
            for () in turns {
                black_box(limiter.try_acquire(black_box("Pay")).is_ok());
            }
        }),
        Contestant::new("governor, by key", |turns: &[()]| {
            for () in turns {
                black_box(governor_keyed.check_key(black_box(&name)).is_ok());
            }
        }),
        Contestant::new("a bucket for each key", |turns: &[()]| {
            for () in turns {
                black_box(keyed.try_acquire(Key::instance("acme", black_box("order-17")), "Pay").is_ok());
            }
        }),
    ];
    race("a check that passes", |_| (), contestants);
    println!("{:<24} {:>14}", "refused", limiter.stats().rejected + keyed.stats().rejected);
    Ok(())
}
