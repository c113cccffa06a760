//! What a large machine costs: `cargo check` and `cargo build` of a crate with 200 states, everything below it built.

use crate::Failure;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

const STATES: usize = 200;

pub(crate) fn run() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime").canonicalize()?;
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("src/lib.rs"), machine()?)?;
    fs::write(
        folder.path().join("Cargo.toml"),
        format!(
            "[package]\nname = \"large\"\nedition = \"2024\"\n[dependencies]\nstatewright = {{ path = \"{}\" }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
            runtime.display()
        ),
    )?;
    fs::copy(runtime.join("../Cargo.lock"), folder.path().join("Cargo.lock"))?;
    println!("\na machine of {STATES} states, three arms each, dev profile");
    for task in ["check", "build"] {
        cargo(folder.path(), task)?;
        let source = folder.path().join("src/lib.rs");
        let text = fs::read_to_string(&source)?;
        fs::write(&source, text + "\n// edited\n")?;
        let began = Instant::now();
        cargo(folder.path(), task)?;
        println!("cargo {task:<18} {:>10} ms", began.elapsed().as_millis());
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
fn machine() -> Result<String, Failure> {
    let mut text = String::from(
        "use statewright::prelude::*;\nstate_machine! {\n    pub machine Large {\n        triggers { Go { n: u8 }, Skip, Back }\n        initial S0;\n",
    );
    for n in 0..STATES {
        let (next, far, back) = ((n + 1) % STATES, (n + 7) % STATES, (n + STATES - 1) % STATES);
        writeln!(
            text,
            "        state S{n} {{ on Go {{ n }} if n > 1 => S{next}; on Skip => S{far}; on Back => S{back}; }}"
        )?;
    }
    text.push_str("    }\n}\n");
    Ok(text)
}
