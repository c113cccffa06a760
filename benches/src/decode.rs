//! What a chain of fifty versions costs: reading the newest beside plain serde, and lifting the oldest.

use crate::Failure;
use crate::race::{Contestant, race};
use serde::{Deserialize, Serialize};
use statewright::event::Stored;
use statewright::prelude::*;
use std::hint::black_box;

macro_rules! chain {
    ($($name:ident $version:literal $from:ident;)*) => { $(
        #[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
        #[event(name = "bench.chained", version = $version, from = $from, auto)]
        pub(crate) struct $name {
            n: u64,
            note: String,
        }
    )* };
}

/// Where the chain begins.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "bench.chained", version = 1)]
pub(crate) struct V1 {
    n: u64,
    note: String,
}

chain! {
    V2 2 V1;
    V3 3 V2;
    V4 4 V3;
    V5 5 V4;
    V6 6 V5;
    V7 7 V6;
    V8 8 V7;
    V9 9 V8;
    V10 10 V9;
    V11 11 V10;
    V12 12 V11;
    V13 13 V12;
    V14 14 V13;
    V15 15 V14;
    V16 16 V15;
    V17 17 V16;
    V18 18 V17;
    V19 19 V18;
    V20 20 V19;
    V21 21 V20;
    V22 22 V21;
    V23 23 V22;
    V24 24 V23;
    V25 25 V24;
    V26 26 V25;
    V27 27 V26;
    V28 28 V27;
    V29 29 V28;
    V30 30 V29;
    V31 31 V30;
    V32 32 V31;
    V33 33 V32;
    V34 34 V33;
    V35 35 V34;
    V36 36 V35;
    V37 37 V36;
    V38 38 V37;
    V39 39 V38;
    V40 40 V39;
    V41 41 V40;
    V42 42 V41;
    V43 43 V42;
    V44 44 V43;
    V45 45 V44;
    V46 46 V45;
    V47 47 V46;
    V48 48 V47;
    V49 49 V48;
    V50 50 V49;
}

/// Hops from the oldest to the newest.
const HOPS: f64 = 49.0;

pub(crate) fn run() -> Result<(), Failure> {
    let payload = serde_json::to_string(&V1 { n: 7, note: crate::machine::note() })?;
    let cx = UpcastContext::new("", "Bench", "b-1");
    let read = |version| V50::decode(&Stored { name: V50::NAME, version, payload: &payload }, &cx);
    let contestants = vec![
        Contestant::new("plain serde", |turns: &[()]| {
            for () in turns {
                black_box(serde_json::from_str::<V50>(black_box(&payload)).is_ok());
            }
        }),
        Contestant::new("newest of 50 versions", |turns: &[()]| {
            for () in turns {
                black_box(read(black_box(50)).is_ok());
            }
        }),
        Contestant::new("oldest of 50 versions", |turns: &[()]| {
            for () in turns {
                black_box(read(black_box(1)).is_ok());
            }
        }),
    ];
    race("a payload of 200 bytes", |_| (), contestants);
    let allocations = |version| allocation_counter::measure(|| drop(black_box(read(version)))).count_total;
    let more = allocations(1).saturating_sub(allocations(50));
    println!("{:<24} {:>14.2}", "allocations a hop", f64::from(u32::try_from(more)?) / HOPS);
    Ok(())
}
