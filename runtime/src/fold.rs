//! What the runtime keeps of an instance besides state and data: its head, its time, and the command ids it knows.
//!
//! Folded from records and kept in snapshots; it holds no state of the machine.

use crate::store::{Head, Revision};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Folded from the records of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) head: Head,
    /// The latest time recorded; nothing later is recorded before it.
    pub(crate) at: Timestamp,
    recent: VecDeque<Arc<str>>,
    commands: HashMap<Arc<str>, Revision>,
    window: usize,
}

impl Fold {
    /// Remembers the last `window` command ids.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            head: Head::default(),
            at: Timestamp::MIN,
            recent: VecDeque::new(),
            commands: HashMap::new(),
            window,
        }
    }

    /// The record that a command already has: asked before deciding.
    pub(crate) fn seen(&self, command: &str) -> Option<Revision> {
        self.commands.get(command).copied()
    }

    /// Takes in what a record says.
    pub(crate) fn note(&mut self, command: &Arc<str>, revision: Revision, at: Timestamp) {
        self.at = self.at.max(at);
        if self.window == 0 || command.is_empty() {
            return;
        }
        if self.recent.len() >= self.window
            && let Some(oldest) = self.recent.pop_front()
        {
            self.commands.remove(&oldest);
        }
        self.recent.push_back(Arc::clone(command));
        self.commands.insert(Arc::clone(command), revision);
    }

    /// The remembered ids with their records, oldest first.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (&Arc<str>, Revision)> {
        self.recent.iter().filter_map(|command| Some((command, *self.commands.get(command)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_the_oldest_first() {
        let mut fold = Fold::new(2);
        for (revision, command) in (1..).zip(["a", "b", "c"]) {
            fold.note(&command.into(), Revision(revision), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(
            (fold.seen("a"), fold.seen("b"), fold.seen("c")),
            (None, Some(Revision(2)), Some(Revision(3)))
        );
        assert_eq!(fold.commands().count(), 2);
    }
}
