//! Arms and timers.

use super::check;

#[test]
fn arms() {
    let common = "trigger Go; trigger Pay; trigger Stop; initial A; state B; state C;";
    check(&[
        (
            common,
            "state A { on Go => B; }",
            "state A { on Go => C emit X; }",
            &["care      arm `Go` of `A` was `Go => B` and is `Go => C emit X`: check"],
        ),
        (
            common,
            "state A { on Go if a => B; }",
            "state A { on Go if b => B; }",
            &["care      arm `Go` of `A` was `Go if a => B` and is `Go if b => B`"],
        ),
        (
            common,
            "state A { on Pay (n) => B; }",
            "state A { on Pay (_) => B; }",
            &["care      arm `Pay (n)` of `A` was `Pay (n) => B` and is `Pay (_) => B`"],
        ),
        (common, "state A { on Go => B; on Pay => C; }", "state A { on Pay => C; on Go => B; }", &[]),
        (
            common,
            "state A { on Go if a => B; on Go | Pay if b => C; on Stop => B; }",
            "state A { on Stop => B; on Go | Pay if b => C; on Go if a => B; }",
            &[
                "care      the order of the arms of `A` was `Go if a => B; Go | Pay if b => C` and is `Go | Pay if b => C; Go if a => B`: the first",
            ],
        ),
        (
            common,
            "state A { on Go if a => B; on Go if a => C; }",
            "state A { on Go if a => C; on Go if a => B; }",
            &[
                "care      arm `Go` of `A` was `Go if a => B` and is `Go if a => C`",
                "care      arm `Go` of `A` was `Go if a => C` and is `Go if a => B`",
            ],
        ),
        (common, "state A;", "state A { on Go => B; }", &["safe      arm `Go` of `A` is new"]),
        (common, "state A { on Go => B; }", "state A;", &["care      arm `Go` of `A` is gone: instances"]),
        (
            common,
            "state A; on Go => C;",
            "state A { on Go => B; } on Go => C;",
            &["care      arm `Go` of `A` is new: others answered"],
        ),
        (common, "state A; on Go => C;", "state A; on Go => B;", &["care      arm `Go` of the machine was"]),
        (
            common,
            "state A;",
            "state A { always if a => B; }",
            &["care      arm `always` of `A` is new: others"],
        ),
        (
            common,
            "state A { on Pay => stay raise Go; }",
            "state A { on Pay => stay raise Go; on Go => B; }",
            &["care      arm `Go` of `A` is new"],
        ),
        (
            common,
            "state A; state D { on Go => B; }",
            "state A; migrate D A;",
            &["care      state `D` became `A`"],
        ),
    ]);
}

#[test]
fn a_new_arm_beside_regions() {
    let old = "trigger Go; initial P; state X; \
        parallel P { region R { initial A; state A { on Go => stay; } } region S { initial B; state B; } }";
    let beside = old.replace("state B;", "state B { on Go => X; }");
    let apart = old.replace("state X;", "state X { on Go => P; }");
    check(&[
        ("", old, &beside, &["care      arm `Go` of `B` is new: others answered"]),
        ("", old, &apart, &["safe      arm `Go` of `X` is new"]),
        ("", old, &format!("{old} on Go => X;"), &["care      arm `Go` of the machine is new"]),
    ]);
}

#[test]
fn timers_are_found_by_their_place() {
    let common = "initial A; state B; state C;";
    check(&[
        (
            common,
            "state A { after 5m => B; }",
            "state A { after 6m => B; }",
            &["care      timer `A#0` was `after 5m => B` and is `after 6m => B`: a recorded deadline stands"],
        ),
        (
            common,
            "state A { after 5m => B; }",
            "state A { after 5m => B; every 1m => C; }",
            &["care      timer `A#1` is new, `every 1m => C`: it runs from the next entry on"],
        ),
        (
            common,
            "state A { after 5m => B; }",
            "state A { after 1m => C; after 5m => B; }",
            &[
                "breaking  timer `A#0` is `A#1` now: recorded deadlines are found by that name",
                "care      timer `A#0` is new, `after 1m => C`",
            ],
        ),
        (
            common,
            "state A { after 5m => B; after 9m => C; }",
            "state A { after 9m => C; }",
            &[
                "breaking  timer `A#0` is gone, `after 5m => B`: its recorded deadlines would be taken",
                "breaking  timer `A#1` is `A#0` now",
            ],
        ),
        (
            common,
            "state A { after 5m => B; after 9m => C; }",
            "state A { after 5m => B; }",
            &["care      timer `A#1` is gone, `after 9m => C`: its recorded deadlines are dropped"],
        ),
        (
            common,
            "state A { after 5m => B; }",
            "state A { every 5m => B; }",
            &[
                "breaking  timer `A#0` is gone, `after 5m => B`",
                "care      timer `A#0` is new, `every 5m => B`",
            ],
        ),
        (common, "state A; after 5m => B;", "state A;", &["care      timer `#0` is gone"]),
        (
            common,
            "state A; state D { after 5m => B; }",
            "state A; state E { after 5m => B; } migrate D E;",
            &["safe      state `D` became `E`"],
        ),
        (
            common,
            "state A { after 5m => B; } state D { every 9m => C; }",
            "state A { after 5m => B; } migrate D A;",
            &["breaking  timer `D#0` is gone, `every 9m => C`", "care      state `D` became `A`"],
        ),
    ]);
}
