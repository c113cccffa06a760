//! Where a subscription stands: a cursor for each shard.

use crate::store::{Cursor, Shard};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A place in the order of every shard that a subscription reads. Printed, it is `shard:cursor`, joined by commas, the
/// cursor in hexadecimal; parsed, it is the same place again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    cursors: BTreeMap<Shard, Cursor>,
}

/// A text that is no position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a position: expected `shard:cursor`, joined by commas, at character {at}")]
pub struct NoPosition {
    /// Where it stops being one, in bytes from 0.
    pub at: usize,
}

impl Position {
    pub(super) fn of(cursors: impl IntoIterator<Item = (Shard, Cursor)>) -> Self {
        Self { cursors: cursors.into_iter().collect() }
    }

    /// The place in the order of one shard, if it is one of those that are read.
    pub fn cursor(&self, shard: Shard) -> Option<&Cursor> {
        self.cursors.get(&shard)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (shard, cursor)) in self.cursors.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(f, "{comma}{}:{cursor}", shard.0)?;
        }
        Ok(())
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut position = Self::default();
        let mut at = 0;
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let read = part
                .split_once(':')
                .and_then(|(shard, cursor)| Some((Shard(shard.parse().ok()?), parse_cursor(cursor)?)));
            let fresh = read.is_some_and(|(shard, cursor)| position.cursors.insert(shard, cursor).is_none());
            if !fresh {
                return Err(NoPosition { at });
            }
            at += part.len() + 1;
        }
        Ok(position)
    }
}

/// Reads what a cursor's `Display` writes.
pub(super) fn parse_cursor(text: &str) -> Option<Cursor> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(|bytes| Cursor(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_printed_and_read_again() {
        let position = Position::of([
            (Shard(0), Cursor::of(300)),
            (Shard(7), Cursor::default()),
            (Shard(63), Cursor::of(1)),
        ]);
        assert_eq!(position.to_string(), "0:000000000000012c,7:,63:0000000000000001");
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!("".parse(), Ok(Position::default()));
    }

    #[test]
    fn what_is_no_position_says_where() {
        for (text, at) in
            [("x", 0), ("0:00,", 5), ("0:0", 0), ("0:00,1:zz", 5), ("0:00,0:01", 5), ("0:é0", 0)]
        {
            assert_eq!(text.parse::<Position>(), Err(NoPosition { at }), "{text}");
        }
    }
}
