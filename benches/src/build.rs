//! What large machines cost: `cargo check` and `cargo build` of a crate after an edit, everything below it built.

use crate::Failure;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// What is large about a machine.
#[derive(Clone, Copy)]
enum Shape {
    /// So many states in a ring, three arms each.
    Ring(usize),
    /// The same with a guard and an event in each arm.
    Full(usize),
    /// States inside states, so many levels deep.
    Nest(usize),
    /// So many regions side by side, three states each.
    Regions(usize),
}

const SHAPES: &[Shape] = &[
    Shape::Ring(200),
    Shape::Ring(1_000),
    Shape::Full(1_000),
    Shape::Ring(5_000),
    Shape::Nest(200),
    Shape::Regions(20),
];

impl Shape {
    fn name(self) -> String {
        match self {
            Self::Ring(states) => format!("{states} states"),
            Self::Full(states) => format!("{states} states, guard and event in each arm"),
            Self::Nest(levels) => format!("{levels} levels"),
            Self::Regions(regions) => format!("{regions} regions"),
        }
    }

    fn text(self) -> Result<String, std::fmt::Error> {
        match self {
            Self::Ring(states) => ring(states, false),
            Self::Full(states) => ring(states, true),
            Self::Nest(levels) => nest(levels),
            Self::Regions(regions) => parallel(regions),
        }
    }
}

pub(crate) fn run() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime").canonicalize()?;
    fs::create_dir(folder.path().join("src"))?;
    fs::write(
        folder.path().join("Cargo.toml"),
        format!(
            "[package]\nname = \"large\"\nedition = \"2024\"\n[dependencies]\nstatewright = {{ path = \"{}\" }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
            runtime.display()
        ),
    )?;
    fs::copy(runtime.join("../Cargo.lock"), folder.path().join("Cargo.lock"))?;
    println!("\n{:<46} {:>10} {:>10}", "dev profile, after an edit", "check, ms", "build, ms");
    for shape in SHAPES {
        let source = folder.path().join("src/lib.rs");
        let text = shape.text()?;
        let mut times = Vec::new();
        for task in ["check", "build"] {
            fs::write(&source, &text)?;
            cargo(folder.path(), task)?;
            fs::write(&source, format!("{text}\n// edited\n"))?;
            let began = Instant::now();
            cargo(folder.path(), task)?;
            times.push(began.elapsed().as_millis());
        }
        println!("{:<46} {:>10} {:>10}", shape.name(), times[0], times[1]);
    }
    Ok(())
}

fn cargo(folder: &Path, task: &str) -> Result<(), Failure> {
    let status = Command::new("cargo")
        .args([task, "--quiet"])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo {task} ended with {status}").into()) }
}

/// A ring with a shortcut and a way back from every state.
fn ring(states: usize, full: bool) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "use serde::{Deserialize, Serialize};\nuse statewright::prelude::*;\n#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]\n#[event(name = \"large.moved\", version = 1)]\npub struct Moved { n: u32 }\n#[derive(Default, Serialize, Deserialize)]\npub struct Sum { n: u32 }\nimpl Apply<Moved> for Sum { fn apply(&mut self, event: &Moved) { self.n += event.n; } }\nstate_machine! {\n    pub machine Large {\n        data Sum;\n        triggers { Go { n: u32 }, Skip, Back }\n        initial S0;\n",
    );
    if full {
        text.push_str("        events { Moved }\n");
    }
    for n in 0..states {
        let (next, far, back) = ((n + 1) % states, (n + 7) % states, (n + states - 1) % states);
        if full {
            writeln!(
                text,
                "        state S{n} {{ on Go {{ n }} if n > data.n => S{next} emit Moved {{ n }}; on Skip if data.n > {n} => S{far} emit Moved {{ n: 1 }}; on Back if data.n <= {n} => S{back} emit Moved {{ n: 2 }}; }}"
            )?;
        } else {
            writeln!(
                text,
                "        state S{n} {{ on Go {{ .. }} => S{next}; on Skip => S{far}; on Back => S{back}; }}"
            )?;
        }
    }
    text.push_str("    }\n}\n");
    Ok(text)
}

/// Each level with a way to its sibling, hooks and an arm that all inside inherit.
fn nest(levels: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "use statewright::prelude::*;\nstate_machine! { pub machine Large { triggers { Go, Stop } effects { Ring } initial S0;\n",
    );
    for n in 0..levels {
        let (inner, next) =
            (n + 1, if n + 1 == levels { format!("S{levels}") } else { format!("T{}", n + 1) });
        writeln!(
            text,
            "state S{n} {{ initial S{inner}; entry do Ring; on Stop => T{n}; state T{n} {{ on Go => {next}; }}"
        )?;
    }
    writeln!(text, "state S{levels} {{ on Go => T0; }} {} }} }}", "}".repeat(levels))?;
    Ok(text)
}

/// Three states a region; all answer one trigger, each its own.
fn parallel(regions: usize) -> Result<String, std::fmt::Error> {
    let own: Vec<_> = (0..regions).map(|n| format!("Go{n}")).collect();
    let mut text = format!(
        "use statewright::prelude::*;\nstate_machine! {{ pub machine Large {{ triggers {{ All, {} }} initial P; parallel P {{\n",
        own.join(", ")
    );
    for n in 0..regions {
        writeln!(
            text,
            "region R{n} {{ initial A{n}; state A{n} {{ on All | Go{n} => B{n}; }} state B{n} {{ on All | Go{n} => C{n}; }} state C{n} {{ on All | Go{n} => A{n}; }} }}"
        )?;
    }
    text.push_str("} } }\n");
    Ok(text)
}
