//! What has a name and no graph, and what is said once of a machine.

use super::check;

#[test]
fn names_and_settings() {
    let common = "initial A; state A;";
    check(&[
        (common, "trigger T;", "", &["care      trigger `T` is gone: take it out"]),
        (common, "", "trigger T;", &["safe      trigger `T` is new"]),
        (
            common,
            "trigger T;",
            "internal T;",
            &["care      trigger `T` was `fired` and is `internal`: fired"],
        ),
        (common, "internal T;", "trigger T;", &["safe      trigger `T` was `internal` and is `fired`"]),
        (common, "event e 1;", "", &["breaking  event `e` is gone: records hold it"]),
        (common, "event e 2;", "event e 1;", &["breaking  event `e` was of version 2 and is of version 1: "]),
        (
            common,
            "event e 1;",
            "event e 2; event f;",
            &["safe      event `e` was", "safe      event `f` is new"],
        ),
        (
            common,
            "event e 1; retired f; retired g;",
            "retired e; retired f each; event g 1;",
            &[
                "care      event `e` was of version 1 and is dropped: what",
                "care      event `f` was dropped and is split by each: what",
                "safe      event `g` was dropped and is of version 1",
            ],
        ),
        (common, "retired e;", "", &["breaking  event `e` is gone: records hold it"]),
        (common, "effect E;", "", &["breaking  effect `E` is gone: one that is recorded"]),
        (common, "", "effect E;", &["safe      effect `E` is new"]),
        (
            common,
            "trigger T; limit 3 T;",
            "trigger T; limit 2 T;",
            &["care      the limit on T per instance was `3 per 1s burst 3` and is `2 per 1s burst 2`: more"],
        ),
        (common, "", "limit 9;", &["care      the limit per instance is new, `9 per 1s burst 9`: more"]),
        (common, "limit 9;", "", &["safe      the limit per instance is gone"]),
        (
            common,
            "claim always ends;",
            "claim A reaches A;",
            &["safe      the claim `always ends` is gone", "safe      the claim `A reaches A` is new"],
        ),
        (common, "version 1;", "version 2;", &["safe      the machine's version was `1` and is `2`"]),
        (
            common,
            "version 2;",
            "version 1;",
            &["care      the machine's version was `2` and is `1`: records"],
        ),
        (
            common,
            "data X;",
            "data Y 2;",
            &[
                "care      the type of the data was `X` and is `Y`: it",
                "care      the version of the data was `1` and is `2`: it",
            ],
        ),
        (
            common,
            "machine M;",
            "machine N;",
            &["breaking  the machine was `M` and is `N`: records stand under"],
        ),
        (common, "", "ignore-unhandled;", &["care      `unhandled` was `reject` and is `ignore`: "]),
        (
            "state A; state B;",
            "initial A;",
            "initial B;",
            &["care      the machine's `initial` was `A` and is `B`: new"],
        ),
    ]);
}

#[test]
fn names_older_than_both_versions() {
    let common = "initial A; state A; state B;";
    check(&[
        (
            common,
            "migrate Z A;",
            "",
            &["breaking  the older name `Z` stands in `migrate` no more: records may hold it"],
        ),
        (
            common,
            "migrate Z A;",
            "migrate Z B;",
            &["care      the older name `Z` meant `A` and means `B`: check"],
        ),
        (common, "", "migrate Z B;", &["safe      the older name `Z` is new"]),
        (common, "state C; migrate Z C;", "migrate Z B; migrate C B;", &["care      state `C` became `B`"]),
        (
            common,
            "migrate Z A;",
            "state C { initial D; state D; } migrate Z C;",
            &[
                "breaking  the older name `Z` meant `A` and means `C`: its records",
                "safe      state `C` is new",
                "safe      state `D` is new",
            ],
        ),
    ]);
}
