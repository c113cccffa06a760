//! The lock of a machine, held against what the machine has now, and written on request. Never during a build.

use crate::definition::NodeKind;
use crate::definition::lock::{Lock, region_path};
use crate::event::{Chain, Lockable};
use crate::machine::Machine;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The variable that asks for the lock to be written: `STATEWRIGHT_LOCK=update`.
const UPDATE: &str = "STATEWRIGHT_LOCK";

/// Holds the lock of a machine against it; [`lock!`](crate::lock) hands over the folder of the crate and its version.
/// With `STATEWRIGHT_LOCK=update` what is new is written into the file.
///
/// # Panics
/// When the lock lacks something and the version is a release, with a list; of a version with a suffix (`2.0.0-beta.1`)
/// the list is only printed. When the machine declares no lock, or its file cannot be read or written.
#[track_caller]
pub fn check_lock<M: Machine>(folder: &str, version: &str) {
    let (machine, lockable) = (M::DEFINITION.machine, lockable::<M>());
    let pending = match env::var_os(UPDATE) {
        Some(asked) if asked == "update" => update_lock::<M>(folder).map(|new| {
            for fact in new {
                println!("{}: added {fact}", lockable.file);
            }
            Vec::new()
        }),
        _ => pending::<M>(folder),
    };
    let pending = pending.unwrap_or_else(|error| panic!("`{}`: {error}", lockable.file));
    if pending.is_empty() {
        return;
    }
    let said = format!(
        "`{}` lacks what `{machine}` has now:\n  {}\nhelp: `{UPDATE}=update cargo test` adds it; commit the file with the release",
        lockable.file,
        pending.join("\n  ")
    );
    assert!(!is_release(version), "{said}");
    println!("{said}");
}

/// Writes what is new into the lock of a machine, and says what it was.
///
/// # Errors
/// The file cannot be read or written, or is no lock.
pub fn update_lock<M: Machine>(folder: &str) -> io::Result<Vec<String>> {
    let path = path::<M>(folder);
    let mut lock = read(&path)?;
    let facts = facts::<M>();
    let new = lock.lacking(&facts);
    if !new.is_empty() {
        lock.extend(facts);
        fs::write(path, lock.to_string())?;
    }
    Ok(new)
}

fn pending<M: Machine>(folder: &str) -> io::Result<Vec<String>> {
    Ok(read(&path::<M>(folder))?.lacking(&facts::<M>()))
}

#[track_caller]
fn lockable<M: Machine>() -> &'static Lockable {
    let machine = M::DEFINITION.machine;
    M::LOCK.unwrap_or_else(|| {
        panic!("machine `{machine}` has no lock: write `lock \"{}.lock\";`", machine.to_lowercase())
    })
}

fn path<M: Machine>(folder: &str) -> PathBuf {
    Path::new(folder).join(lockable::<M>().file)
}

/// As long as nothing has been released there is no file.
fn read(path: &Path) -> io::Result<Lock> {
    match fs::read_to_string(path) {
        Ok(text) => Lock::parse(&text).map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Lock::default()),
        Err(error) => Err(error),
    }
}

fn facts<M: Machine>() -> Lock {
    let (definition, lockable) = (M::DEFINITION, lockable::<M>());
    let states = definition.nodes.iter().map(|node| (node.name.to_owned(), definition.version));
    let events = lockable.events.iter().flat_map(|event| {
        let chain = std::iter::successors(Some(event.chain), |chain: &&Chain| chain.before);
        chain.map(|chain| ((event.name.to_owned(), chain.version), chain.schema.to_owned()))
    });
    let effects = lockable.effects.iter().map(|(name, schema)| ((*name).to_owned(), (*schema).to_owned()));
    let leaves = definition.ids().filter(|id| definition.kind(*id).is_leaf());
    let parallels = definition.ids().filter(|id| definition.kind(*id) == NodeKind::Parallel);
    let name = |id| definition.name(id).to_owned();
    let regions =
        |id| definition.regions(id).map(|region| definition.name(region)).collect::<Vec<_>>().join("+");
    let around = |id| {
        let around = definition.lineage(id).skip(1).filter(|id| definition.kind(*id) == NodeKind::Region);
        region_path(around.map(|id| definition.name(id)))
    };
    Lock {
        leaves: leaves.map(|id| (name(id), around(id))).collect(),
        parallels: parallels.map(|id| (name(id), regions(id))).collect(),
        machine: definition.machine.to_owned(),
        states: states.collect(),
        events: events.collect(),
        effects: effects.collect(),
    }
}

/// A version without a suffix that says that it is none yet.
fn is_release(version: &str) -> bool {
    !version.split('+').next().is_some_and(|numbers| numbers.contains('-'))
}

#[cfg(test)]
mod tests {
    use super::is_release;

    #[test]
    fn a_suffix_says_that_a_version_is_no_release() {
        for (version, expected) in
            [("1.2.3", true), ("1.2.3-rc.1", false), ("1.2.3+a-b", true), ("0.1.0", true)]
        {
            assert_eq!(is_release(version), expected, "{version}");
        }
    }
}
