//! What large machines cost: `cargo check` and `cargo build` of a crate after an edit, everything below it built.

use crate::Failure;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// States of each machine, and whether its arms have guards and events.
const MACHINES: &[(usize, bool)] = &[(200, false), (1_000, false), (1_000, true), (5_000, false)];

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
    println!("\n{:<34} {:>10} {:>10}", "three arms a state, dev profile", "check, ms", "build, ms");
    for (states, full) in MACHINES {
        let source = folder.path().join("src/lib.rs");
        let text = machine(*states, *full)?;
        let mut times = Vec::new();
        for task in ["check", "build"] {
            fs::write(&source, &text)?;
            cargo(folder.path(), task)?;
            fs::write(&source, format!("{text}\n// edited\n"))?;
            let began = Instant::now();
            cargo(folder.path(), task)?;
            times.push(began.elapsed().as_millis());
        }
        let name = format!("{states} states{}", if *full { ", guard and event in each arm" } else { "" });
        println!("{name:<34} {:>10} {:>10}", times[0], times[1]);
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
fn machine(states: usize, full: bool) -> Result<String, Failure> {
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
