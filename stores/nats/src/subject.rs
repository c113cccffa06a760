//! Subjects of instances and cells: ids become tokens, both ways.
//!
//! What sorts how is not looked at here: subjects do not sort like ids.

use crate::error::NatsError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use statewright::store::{Shard, StreamId};

/// Bytes of the longest subject: a line of the protocol has 4,096, with an inbox and lengths in it.
pub(crate) const SUBJECT_BYTES_MAX: usize = 3_500;

/// Parts of a cell's name that are tokens of their own; what is behind them is one token.
const PARTS_MAX: usize = 8;

/// What a token begins with that stands for other bytes.
const ENCODED: char = '=';

/// Subjects of one store.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    name: String,
}

impl Subjects {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The stream of records.
    pub(crate) fn log(&self) -> &str {
        &self.name
    }

    /// The stream that the bucket is.
    pub(crate) fn shelf(&self) -> String {
        format!("KV_{}-cells", self.name)
    }

    /// All records.
    pub(crate) fn records(&self) -> String {
        format!("{}.>", self.name)
    }

    /// All that is left of erased records.
    pub(crate) fn erased(&self) -> String {
        format!("{}-erased.>", self.name)
    }

    /// Where it is told what was recorded.
    pub(crate) fn told(&self) -> String {
        format!("{}-told.>", self.name)
    }

    /// All cells.
    pub(crate) fn cells(&self) -> String {
        format!("$KV.{}-cells.>", self.name)
    }

    /// The records of one shard.
    pub(crate) fn of_shard(&self, shard: Shard) -> String {
        format!("{}.{}.>", self.name, shard.0)
    }

    /// Where it is told what was recorded in one shard.
    pub(crate) fn told_of_shard(&self, shard: Shard) -> String {
        format!("{}-told.{}.>", self.name, shard.0)
    }

    /// The records of one stream.
    pub(crate) fn of(&self, shard: Shard, stream: &StreamId) -> Result<String, NatsError> {
        within(format!("{}.{}.{}", self.name, shard.0, tokens(stream)))
    }

    /// What is left of the erased records of one stream.
    pub(crate) fn of_erased(&self, shard: Shard, stream: &StreamId) -> Result<String, NatsError> {
        within(format!("{}-erased.{}.{}", self.name, shard.0, tokens(stream)))
    }

    /// Whose records these are.
    pub(crate) fn stream(&self, subject: &str) -> Option<StreamId> {
        let mut tokens = subject.strip_prefix(&self.name)?.strip_prefix('.')?.split('.').skip(1);
        let [tenant, machine, instance] = [tokens.next()?, tokens.next()?, tokens.next()?];
        if tokens.next().is_some() {
            return None;
        }
        Some(StreamId::new(&decoded(tenant)?, &decoded(machine)?, &decoded(instance)?))
    }

    /// One cell.
    pub(crate) fn cell(&self, shard: Shard, name: &str) -> Result<String, NatsError> {
        let mut subject = format!("$KV.{}-cells.{}", self.name, shard.0);
        for part in name.splitn(PARTS_MAX, '/') {
            push(&mut subject, part);
        }
        within(subject)
    }

    /// The narrowest pattern for the cells whose names begin with `prefix`; there may be others among them.
    pub(crate) fn cells_like(&self, shard: Shard, prefix: &str) -> Result<String, NatsError> {
        let mut subject = format!("$KV.{}-cells.{}", self.name, shard.0);
        let parts = prefix.splitn(PARTS_MAX, '/');
        let whole = prefix.matches('/').count().min(PARTS_MAX - 1);
        for part in parts.take(whole) {
            push(&mut subject, part);
        }
        subject.push_str(".>");
        within(subject)
    }

    /// The name of a cell.
    pub(crate) fn cell_name(&self, subject: &str) -> Option<Box<str>> {
        let tokens = subject.strip_prefix("$KV.")?.strip_prefix(&self.name)?.strip_prefix("-cells.")?;
        let parts = tokens.split('.').skip(1).map(decoded).collect::<Option<Vec<_>>>()?;
        Some(parts.join("/").into())
    }
}

fn tokens(stream: &StreamId) -> String {
    let mut subject = token(&stream.tenant);
    push(&mut subject, &stream.machine);
    push(&mut subject, &stream.instance);
    subject
}

fn push(subject: &mut String, part: &str) {
    subject.push('.');
    subject.push_str(&token(part));
}

fn within(subject: String) -> Result<String, NatsError> {
    if subject.len() > SUBJECT_BYTES_MAX {
        return Err(NatsError::LongName { bytes: subject.len(), max: SUBJECT_BYTES_MAX });
    }
    Ok(subject)
}

/// Letters, digits, `-` and `_` stand for themselves; all else, and nothing at all, is base64 behind a `=`.
fn token(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !part.is_empty() && part.bytes().all(plain) {
        return part.to_owned();
    }
    format!("{ENCODED}{}", URL_SAFE_NO_PAD.encode(part))
}

fn decoded(token: &str) -> Option<String> {
    match token.strip_prefix(ENCODED) {
        None => Some(token.to_owned()),
        Some(encoded) => String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SUBJECT_BYTES_MAX, Subjects};
    use crate::error::NatsError;
    use statewright::store::{Shard, StreamId};

    const HOSTILE: [&str; 14] =
        ["", " ", ".", "*", ">", "a.b", "=", "=YQ", "A", "a", "\u{0}", "\u{10ffff}", "a/b#?", "-_9"];

    #[test]
    fn ids_come_back_as_they_were() {
        let subjects = Subjects::new("desk");
        let mut seen = std::collections::BTreeSet::new();
        for tenant in HOSTILE {
            for instance in HOSTILE {
                let id = StreamId::new(tenant, "M", instance);
                let subject = subjects.of(Shard(3), &id).expect("it is short");
                assert!(
                    subject.starts_with("desk.3.") && !subject.contains(['*', '>', ' ', '\0']),
                    "{subject}"
                );
                assert_eq!(subjects.stream(&subject), Some(id));
                assert!(seen.insert(subject));
            }
        }
        assert_eq!(subjects.stream("desk.3.a.b"), None);
        assert_eq!(subjects.stream("other.3.a.b.c"), None);
        assert_eq!(subjects.stream("desk.3.a.b.=%"), None);
    }

    #[test]
    fn names_of_cells_come_back_and_are_under_their_prefix() {
        let subjects = Subjects::new("desk");
        for name in ["a", "a/", "a//", "/", "", "agenda/Order/17/é.*>", "1/2/3/4/5/6/7/8/9/10/"] {
            let subject = subjects.cell(Shard(7), name).expect("it is short");
            assert_eq!(subjects.cell_name(&subject).as_deref(), Some(name), "{subject}");
            for (end, _) in name.char_indices() {
                let pattern = subjects.cells_like(Shard(7), &name[..end]).expect("it is short");
                let fixed = pattern.strip_suffix('>').expect("it is open");
                assert!(subject.starts_with(fixed), "{subject} under {pattern}");
            }
        }
    }

    #[test]
    fn what_no_line_holds_is_refused() {
        let long = "é".repeat(2_000);
        let refused = Subjects::new("desk").of(Shard(0), &StreamId::new("", "M", &long));
        assert!(
            matches!(refused, Err(NatsError::LongName { bytes, max: SUBJECT_BYTES_MAX }) if bytes > 4_000)
        );
    }
}
