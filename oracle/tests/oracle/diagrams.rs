//! Every format of every random machine, and of one with names and guards that formats trip over: true, and read by
//! the parsers that people use.

use crate::{Run, machines};
use statewright::Machine;
use statewright::definition::Definition;
use statewright::prelude::*;
use statewright_oracle::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

state_machine! {
    /// Names that formats have a meaning of their own for, "quoted" & <marked>.
    #[allow(unreachable_state, unused_trigger, dead_end, non_camel_case_types, dead_code)]
    machine Nasty {
        data World;
        triggers { state { note: String }, end, r#default, Some, Pipe }
        initial note;
        on end => note;
        state note {
            on state { note } if note == "a;b:#c" || note.len() > 3 && !note.contains("\"<--|{}%%\\") => graph;
            on end | r#default => reject "it's -- \"no\"; <b>&amp;</b>";
            on Some => graph;
        }
        state graph { initial subgraph; state subgraph { on Some => class; } state class { on Pipe => subgraph; } }
    }
}

/// Writes every format of every machine into a folder.
struct Write {
    folder: PathBuf,
    count: usize,
}

impl Write {
    fn write(&mut self, definition: &Definition) {
        let formats = [
            ("mmd", definition.to_mermaid()),
            ("dot", definition.to_dot()),
            ("scxml", definition.to_scxml()),
            ("svg", definition.to_svg()),
            ("puml", definition.to_plantuml()),
            ("json", definition.to_json()),
        ];
        for (end, text) in formats {
            if end != "svg" && end != "json" {
                is_true(definition, end, &text);
            }
            let path = self.folder.join(definition.machine).with_extension(end);
            fs::write(path, text).expect("the folder is ours");
            self.count += usize::from(end != "puml");
        }
    }
}

impl Run for Write {
    fn machine<M: Machine<Data = World>>(&mut self, _trigger: fn(u16, u8) -> M::Trigger) {
        self.write(M::DEFINITION);
    }
}

/// Every action of every arm stands there as often as it is declared, and every node has its place.
fn is_true(definition: &Definition, end: &str, text: &str) {
    let numbers = definition.arms.iter().flat_map(|arm| arm.actions).filter_map(|action| match action {
        statewright::definition::ActionDef::Emit(text) => text.strip_prefix("Did::at("),
        _ => None,
    });
    for number in numbers {
        let number = number.split([',', ' ']).next().expect("a number");
        let exact = [format!("at({number},"), format!("at({number} +")];
        let times: usize = exact.iter().map(|exact| text.matches(exact.as_str()).count()).sum();
        assert_eq!(times, 1, "{end} of {}: action {number}\n{text}", definition.machine);
    }
    for (place, node) in definition.nodes.iter().enumerate() {
        let named = match end {
            "scxml" => text.matches(&format!("id=\"{}\"", node.name)).count(),
            "puml" if node.kind.is_history() => text.matches(&format!("' history {}\n", node.name)).count(),
            "dot" if !node.kind.is_leaf() && !node.kind.is_history() => {
                text.matches(&format!("subgraph cluster_n{place} {{")).count()
            }
            "dot" => lines(text, &format!("n{place} [label=")),
            _ => lines(text, &format!("state \"{}", node.name)).min(1),
        };
        assert_eq!(named, 1, "{end} of {}: node {}\n{text}", definition.machine, node.name);
    }
}

/// Lines that begin so.
fn lines(text: &str, begin: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with(begin)).count()
}

#[test]
fn what_is_drawn_is_true_and_is_read_by_real_parsers() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = target.join("diagrams");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder is ours");
    let mut write = Write { folder: folder.clone(), count: 0 };
    machines::each(&mut write);
    write.write(Nasty::DEFINITION);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definition/definition.schema.json");
    let schema = schema.canonicalize().expect("it is in the tree");
    let Some(parsers) = parsers(target) else { return };
    let run = Command::new("node")
        .arg("parse.mjs")
        .arg(&folder)
        .arg(schema)
        .current_dir(parsers)
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&run.stdout);
    assert_eq!(said.trim(), format!("{} read", write.count), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Installs the parsers. Without Node.js there are none; under CI that is a failure.
fn parsers(target: &Path) -> Option<PathBuf> {
    let folder = target.join("parsers");
    fs::create_dir_all(&folder).expect("the folder is ours");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("parsers");
    for name in ["package.json", "package-lock.json", "parse.mjs"] {
        fs::copy(source.join(name), folder.join(name)).expect("they are in the tree");
    }
    let installed =
        Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder).status();
    match installed {
        Ok(status) if status.success() => Some(folder),
        other => {
            assert!(
                std::env::var_os("CI").is_none(),
                "`npm ci` in {}: {other:?}; install Node.js 20 or later",
                folder.display()
            );
            println!("diagrams are not parsed: `npm ci`: {other:?}; install Node.js 20 or later");
            None
        }
    }
}
