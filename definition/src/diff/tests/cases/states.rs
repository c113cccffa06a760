//! States, regions and histories.

use super::check;

#[test]
fn states_gone_and_become_others() {
    check(&[
        (
            "initial A; state A;",
            "state B;",
            "",
            &["breaking  state `B` is gone: say what it became in `migrate`"],
        ),
        ("initial A; state A;", "", "state B;", &["safe      state `B` is new"]),
        ("initial A; state A;", "state B;", "state C; migrate B C;", &["safe      state `B` became `C`"]),
        ("initial A; state A;", "state B;", "migrate B A;", &["care      state `B` became `A`: instances"]),
        (
            "initial A; state A;",
            "state B;",
            "state C { initial D; state D; } migrate B C;",
            &[
                "breaking  state `B` became `C`: its records cannot be read as that",
                "breaking  state `B` was atomic and is compound",
                "care      state `B` began in nothing and begins in `D`",
                "safe      state `D` is new",
            ],
        ),
        (
            "trigger Go; initial A;",
            "state A { on Go => B; } state B { on Go => A; }",
            "state A { on Go => C; } state C { on Go => A; } migrate B C;",
            &["safe      state `B` became `C`"],
        ),
    ]);
}

#[test]
fn nodes_that_cannot_be_rested_in() {
    check(&[
        (
            "initial A;",
            "state P { initial A; state A; }",
            "state A;",
            &["care      state `P` is gone: its arms", "care      state `A` stood in `P` and stands in `M`"],
        ),
        (
            "initial X; state X;",
            "state P { initial Q; history H; state Q { initial A; state A; } }",
            "state P { initial A; history H; state A; }",
            &[
                "breaking  state `Q` is gone: say what it became",
                "care      state `P` began in `Q` and begins in `A`",
                "care      state `A` stood in `Q` and stands in `P`",
            ],
        ),
        (
            "initial X; state X;",
            "state P { initial Q; history H; state Q { initial A; state A; } }",
            "state P { initial A; state A; }",
            &[
                "care      state `P` began in `Q` and begins in `A`",
                "care      state `H` is gone",
                "care      state `Q` is gone: its arms",
                "care      state `A` stood in `Q`",
            ],
        ),
        (
            "initial P;",
            "state P { initial A; history H; state A; }",
            "state P { initial A; state A; }",
            &["care      state `H` is gone"],
        ),
        (
            "initial P;",
            "state P { initial A; history H; state A; }",
            "state P { initial A; deep H; state A; }",
            &["care      state `H` was history and is deep history: check"],
        ),
        (
            "initial A; state A;",
            "state B;",
            "final B;",
            &["care      state `B` was atomic and is final: check"],
        ),
        (
            "initial A; state A;",
            "state B;",
            "state B { initial C; state C; }",
            &[
                "breaking  state `B` was atomic and is compound: its records cannot be read so",
                "care      state `B` began in nothing",
                "safe      state `C` is new",
            ],
        ),
        (
            "initial A;",
            "state A { entry emit X; exit do Y; }",
            "state A { entry emit Z; }",
            &[
                "care      state `A` did on entry `emit X` and does `emit Z`: check",
                "care      state `A` did on exit `do Y` and does nothing",
            ],
        ),
    ]);
}

#[test]
fn regions_are_the_text_of_a_state() {
    let one = "parallel P { region R { initial A; state A; } region S { initial B; state B; } }";
    check(&[
        (
            "initial P;",
            one,
            "parallel P { region R { initial A; state A; } region S { initial B; state B; } region T { initial C; state C; } }",
            &["breaking  state `T` is new: recorded states name those", "safe      state `C` is new"],
        ),
        (
            "initial P;",
            one,
            "parallel P { region S { initial B; state B; } region R { initial A; state A; } }",
            &["breaking  state `P` had its regions in the order `R, S` and has `S, R`: recorded"],
        ),
        (
            "initial P;",
            one,
            "parallel P { region Z { initial A; state A; } region S { initial B; state B; } } migrate R Z;",
            &["safe      state `R` became `Z`"],
        ),
        (
            "initial P;",
            "state P { initial A; state A; state B; }",
            one,
            &[
                "breaking  state `P` was compound and is parallel: its records",
                "breaking  state `A` stood in `P` and stands in `R`: recorded states do not fit",
                "breaking  state `B` stood in `P` and stands in `S`",
                "breaking  state `R` is new",
                "breaking  state `S` is new",
                "care      state `P` began in `A` and begins in nothing",
            ],
        ),
        (
            "initial P;",
            "parallel P { region R { initial A; state A; } region S { initial B; state B; } region T { initial C; state C; } }",
            one,
            &[
                "breaking  state `T` is gone: recorded states name those in it",
                "breaking  state `C` is gone: say",
            ],
        ),
        (
            "initial P;",
            "parallel P { region R { initial A; state A; } region S { initial B; state B; state C; } }",
            "parallel P { region R { initial A; state A; } region S { initial B; state B; } } migrate C A;",
            &["breaking  state `C` became `A`: its records cannot be read as that"],
        ),
        (
            "initial P;",
            "parallel P { region R { initial A; state A; } region S { initial B; state B; } region T { initial C; state C; } }",
            &format!("{one} migrate T S; migrate C B;"),
            &["breaking  state `T` became `S`", "breaking  state `C` became `B`"],
        ),
        ("initial P;", one, &format!("{one} final F;"), &["safe      state `F` is new"]),
    ]);
}
