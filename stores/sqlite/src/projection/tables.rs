//! The tables of one build, and the gate before all others: a projection reads and writes its own, and begins and ends no
//! transaction.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{CachedStatement, Connection};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// What a projection writes to.
pub struct Tables {
    pub(super) connection: Connection,
    /// Of the names of its tables: `<projection>_<build>_`.
    prefix: String,
    gate: Arc<Mutex<Gate>>,
}

/// What may be done now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    /// Everything.
    Open,
    /// Tables whose names begin so may be made.
    Schema(String),
    /// Tables whose names begin so may be read and written.
    Rows(String),
}

impl Tables {
    pub(super) fn over(mut connection: Connection) -> rusqlite::Result<Self> {
        let gate = Arc::new(Mutex::new(Gate::Open));
        let looked = Arc::clone(&gate);
        connection.authorizer(Some(move |asked: AuthContext<'_>| {
            let gate = looked.lock().unwrap_or_else(PoisonError::into_inner);
            if gate.lets(asked.action) { Authorization::Allow } else { Authorization::Deny }
        }))?;
        Ok(Self { connection, prefix: String::new(), gate })
    }

    /// A statement; `{lines}` in it is the build's own table `lines`.
    ///
    /// # Errors
    /// It is no SQL, or it does more than reading and writing the projection's own tables.
    pub fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.connection.prepare_cached(&expand(sql, &self.prefix))
    }

    /// Does something behind the gate, and opens it again.
    pub(super) fn behind<T>(&mut self, gate: Gate, work: impl FnOnce(&mut Self) -> T) -> T {
        if let Gate::Schema(prefix) | Gate::Rows(prefix) = &gate {
            self.prefix.clone_from(prefix);
        }
        self.set(gate);
        let done = work(self);
        self.set(Gate::Open);
        done
    }

    fn set(&self, gate: Gate) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = gate;
    }
}

impl Gate {
    fn lets(&self, action: AuthAction<'_>) -> bool {
        let (prefix, schema) = match self {
            Self::Open => return true,
            Self::Schema(prefix) => (prefix, true),
            Self::Rows(prefix) => (prefix, false),
        };
        let own = |name: &str| name.starts_with(&**prefix) || schema && name.starts_with("sqlite_");
        match action {
            AuthAction::Select | AuthAction::Function { .. } | AuthAction::Recursive => true,
            AuthAction::Read { table_name, .. }
            | AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name } => own(table_name),
            AuthAction::CreateTable { table_name } | AuthAction::CreateIndex { table_name, .. } => {
                schema && own(table_name)
            }
            AuthAction::Reindex { .. } => schema,
            _ => false,
        }
    }
}

/// Whether a projection can be called so.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
}

/// Names in braces become those of one build.
pub(super) fn expand<'a>(sql: &'a str, prefix: &str) -> Cow<'a, str> {
    if !sql.contains('{') {
        return Cow::Borrowed(sql);
    }
    let mut expanded = String::with_capacity(sql.len() + 64);
    let mut rest = sql;
    while let Some((before, behind)) = rest.split_once('{') {
        expanded.push_str(before);
        let is_own = |name: &str| name.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        match behind.split_once('}') {
            Some((name, after)) if !name.is_empty() && is_own(name) => {
                expanded.extend(["\"", prefix, name, "\""]);
                rest = after;
            }
            _ => {
                expanded.push('{');
                rest = behind;
            }
        }
    }
    expanded.push_str(rest);
    Cow::Owned(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_those_of_the_build() {
        let cases = [
            ("SELECT 1", "SELECT 1"),
            ("SELECT a FROM {lines}", "SELECT a FROM \"t_2_lines\""),
            ("{a}{b_1}", "\"t_2_a\"\"t_2_b_1\""),
            ("'{' || '{x y}' || '{}'", "'{' || '{x y}' || '{}'"),
        ];
        for (sql, expanded) in cases {
            assert_eq!(expand(sql, "t_2_"), expanded);
        }
    }

    #[test]
    fn a_name_is_a_letter_then_letters_and_digits() {
        assert!(["t", "totals", "t2"].into_iter().all(is_name));
        assert!(!["", "2t", "a_b", "Totals", "a b", "é"].into_iter().any(is_name));
    }
}
