//! The lock: what has ever been released of a machine, one line for each fact, as a text that is committed and whose
//! differences are read. Every line is valid TOML, and the lines are sorted.
//!
//! It is the text alone; who holds it against a machine is the compiler.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// The version of the text that is written here. A newer one is refused.
const FORMAT: u32 = 1;

/// What has been released.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lock {
    /// The machine's name.
    pub machine: String,
    /// Every state by name, with the version of the machine that had it first.
    pub states: BTreeMap<String, u32>,
    /// Every state that an instance can rest in, with the regions around it, as [`region_path`] writes them.
    pub leaves: BTreeMap<String, String>,
    /// Every parallel state, with its regions in source order, joined by `+`.
    pub parallels: BTreeMap<String, String>,
    /// Every version of every event, with its schema.
    pub events: BTreeMap<(String, u32), String>,
    /// Every effect by name, with its schema.
    pub effects: BTreeMap<String, String>,
}

/// A text that is no lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub wrong: String,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.wrong)
    }
}

impl std::error::Error for LockError {}

impl Lock {
    /// Reads a text.
    ///
    /// # Errors
    /// The first line that says nothing of this, or the format of a newer program.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let mut lock = Self::default();
        let mut format = None;
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let fail = |wrong| LockError { line, wrong };
            let (keys, value) = fact(text).ok_or_else(|| fail(format!("`{text}` is no fact")))?;
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            match (keys.as_slice(), value) {
                (["format"], Value::Number(found)) if found <= FORMAT => format = Some(found),
                (["format"], Value::Number(found)) => {
                    return Err(fail(format!(
                        "format {found} is of a newer statewright: the newest known here is {FORMAT}"
                    )));
                }
                (["machine"], Value::Text(name)) => lock.machine = name,
                (["state", name], Value::Number(since)) => keep(&mut lock.states, (*name).to_owned(), since),
                (["leaf", name], Value::Text(path)) => keep(&mut lock.leaves, (*name).to_owned(), path),
                (["parallel", name], Value::Text(regions)) => {
                    keep(&mut lock.parallels, (*name).to_owned(), regions);
                }
                (["effect", name], Value::Text(schema)) => {
                    keep(&mut lock.effects, (*name).to_owned(), schema);
                }
                (["event", name, version], Value::Text(schema)) => {
                    let version = version.parse().map_err(|_| fail(format!("`{version}` is no version")))?;
                    keep(&mut lock.events, ((*name).to_owned(), version), schema);
                }
                _ => return Err(fail(format!("`{text}` is no fact"))),
            }
        }
        let unsaid = |what: &str| LockError { line: 1, wrong: format!("it does not say its `{what}`") };
        format.ok_or_else(|| unsaid("format"))?;
        if lock.machine.is_empty() { Err(unsaid("machine")) } else { Ok(lock) }
    }

    /// What stands in `other` and not here, line by line.
    pub fn lacking(&self, other: &Self) -> Vec<String> {
        let mut new = other.clone();
        new.states.retain(|name, _| !self.states.contains_key(name));
        new.leaves.retain(|name, _| !self.leaves.contains_key(name));
        new.parallels.retain(|name, _| !self.parallels.contains_key(name));
        new.events.retain(|event, _| !self.events.contains_key(event));
        new.effects.retain(|name, _| !self.effects.contains_key(name));
        new.facts().collect()
    }

    /// Takes over what is new in another. What has been released stays.
    pub fn extend(&mut self, other: Self) {
        self.machine = other.machine;
        other.states.into_iter().for_each(|(name, since)| keep(&mut self.states, name, since));
        other.leaves.into_iter().for_each(|(name, path)| keep(&mut self.leaves, name, path));
        other.parallels.into_iter().for_each(|(name, regions)| keep(&mut self.parallels, name, regions));
        other.events.into_iter().for_each(|(name, schema)| keep(&mut self.events, name, schema));
        other.effects.into_iter().for_each(|(name, schema)| keep(&mut self.effects, name, schema));
    }

    fn facts(&self) -> impl Iterator<Item = String> {
        let texts = |table: &'static str, facts: &BTreeMap<String, String>| -> Vec<String> {
            let fact =
                |(name, text): (&String, &String)| format!("{table}.{} = {}", quoted(name), quoted(text));
            facts.iter().map(fact).collect()
        };
        let events = self.events.iter().map(|((name, version), schema)| {
            format!("event.{}.{version} = {}", quoted(name), quoted(schema))
        });
        let states = self.states.iter().map(|(name, since)| format!("state.{} = {since}", quoted(name)));
        let places = texts("leaf", &self.leaves).into_iter().chain(texts("parallel", &self.parallels));
        texts("effect", &self.effects).into_iter().chain(events).chain(places).chain(states)
    }
}

/// The regions around a state, given innermost first, as they are written: outermost first, joined by `/`; empty outside
/// of regions.
pub fn region_path(around: impl Iterator<Item = impl Into<String>>) -> String {
    let mut around: Vec<String> = around.map(Into::into).collect();
    around.reverse();
    around.join("/")
}

/// What was released first is what was released.
fn keep<K: Ord, V>(facts: &mut BTreeMap<K, V>, key: K, value: V) {
    facts.entry(key).or_insert(value);
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "# What has been released of this machine: records hold it, so every later version reads it.\n",
        )?;
        f.write_str("# Commit this file. `STATEWRIGHT_LOCK=update cargo test` adds what is new.\n")?;
        writeln!(f, "format = {FORMAT}\nmachine = {}", quoted(&self.machine))?;
        self.facts().try_for_each(|fact| writeln!(f, "{fact}"))
    }
}

enum Value {
    Number(u32),
    Text(String),
}

/// `event."order.paid".2 = "{cents: u64}"`: the keys, and the value.
fn fact(text: &str) -> Option<(Vec<String>, Value)> {
    let (mut keys, mut rest) = (Vec::new(), text);
    loop {
        let (key, behind) = if rest.starts_with('"') { unquoted(rest)? } else { bare(rest)? };
        keys.push(key);
        rest = behind.trim_start();
        match rest.split_at_checked(1)? {
            (".", behind) => rest = behind.trim_start(),
            ("=", behind) => break rest = behind.trim(),
            _ => return None,
        }
    }
    let value = match unquoted(rest) {
        Some((text, "")) => Value::Text(text),
        Some(_) => return None,
        None => Value::Number(rest.parse().ok()?),
    };
    Some((keys, value))
}

fn bare(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len());
    let (key, rest) = text.split_at_checked(end)?;
    (!key.is_empty()).then(|| (key.to_owned(), rest))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A quoted text at the beginning, and what stands behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((out, chars.as_str())),
            '\\' => match chars.next()? {
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                c @ ('"' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let owned =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Lock {
            machine: "Order".to_owned(),
            states: BTreeMap::from([("Draft".to_owned(), 1), ("Zoll".to_owned(), 3)]),
            events: BTreeMap::from([
                (("order.paid".to_owned(), 10), "{cents: u64}".to_owned()),
                (("order.paid".to_owned(), 2), "{\"a \\ b\": u64}".to_owned()),
            ]),
            effects: owned(&[("Charge", "{cents: u64}")]),
            leaves: owned(&[("Draft", ""), ("Packing", "Goods/Crate")]),
            parallels: owned(&[("Both", "Goods+Money")]),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = lock().to_string();
        assert_eq!(Lock::parse(&text), Ok(lock()), "{text}");
        let facts: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "format = 1",
            "machine = \"Order\"",
            "effect.\"Charge\" = \"{cents: u64}\"",
            "event.\"order.paid\".2 = \"{\\\"a \\\\ b\\\": u64}\"",
            "event.\"order.paid\".10 = \"{cents: u64}\"",
            "leaf.\"Draft\" = \"\"",
            "leaf.\"Packing\" = \"Goods/Crate\"",
            "parallel.\"Both\" = \"Goods+Money\"",
            "state.\"Draft\" = 1",
            "state.\"Zoll\" = 3",
        ];
        assert_eq!(facts, expected);
    }

    #[test]
    fn what_is_no_lock_says_where() {
        let head = "format = 1\nmachine = \"Order\"\n";
        for (text, line, said) in [
            ("", 1, "`format`"),
            ("format = 1", 1, "`machine`"),
            ("# x\nformat = 2\nmachine = \"Order\"", 2, "newer statewright"),
            (&format!("{head}state.\"A\" = \"x\""), 3, "no fact"),
            (&format!("{head}state.\"A\" = 1 y"), 3, "no fact"),
            (&format!("{head}<<<<<<< HEAD"), 3, "no fact"),
            (&format!("{head}event.\"a\".x = \"{{}}\""), 3, "no version"),
            (&format!("{head}place.\"A\" = \"x\""), 3, "no fact"),
            (&format!("{head}state.\"A = 1"), 3, "no fact"),
        ] {
            let error = Lock::parse(text).expect_err(text);
            assert_eq!(error.line, line, "{error}");
            assert!(error.wrong.contains(said), "{error}");
        }
    }

    #[test]
    fn what_has_been_released_stays() {
        let mut old = lock();
        let mut new = Lock { machine: "Order".to_owned(), ..Lock::default() };
        new.states.extend([("Draft".to_owned(), 9), ("Open".to_owned(), 9)]);
        new.leaves.extend([("Draft".to_owned(), "Other".to_owned()), ("Open".to_owned(), String::new())]);
        assert_eq!(old.lacking(&new), ["leaf.\"Open\" = \"\"", "state.\"Open\" = 9"]);
        old.extend(new);
        assert_eq!((old.states["Draft"], old.leaves["Draft"].as_str()), (1, ""));
        assert_eq!((old.states.len(), old.events.len()), (3, 2));
    }
}
