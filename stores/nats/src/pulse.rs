//! Whether anybody answers. When nobody did for too long, it is time for another server: this one may be cut off from its
//! peers, and a connection to it looks sound for as long as it is.
//!
//! It does not know what was asked, nor which server comes next.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Of one connection.
pub(crate) struct Pulse(Mutex<State>);

struct State {
    /// When something was answered, or another server was taken.
    heard: Instant,
    /// When the first try began that was not answered since.
    missed: Option<Instant>,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { heard: now, missed: None }))
    }

    /// Somebody answers.
    pub(crate) fn beats(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State { heard: now, missed: None };
    }

    /// A try that began then was not answered. The answer is whether it is time for another server; who is told so takes it.
    pub(crate) fn misses(&self, (began, now): (Instant, Instant), patience: Duration) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It says nothing of who answered since, or was taken since.
        if began < state.heard {
            return false;
        }
        let stops = now - *state.missed.get_or_insert(began) >= patience;
        if stops {
            *state = State { heard: now, missed: None };
        }
        stops
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;
    use std::time::Duration;
    use tokio::time::Instant;

    const PATIENCE: Duration = Duration::from_secs(4);

    #[test]
    fn silence_is_told_once() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let pulse = Pulse::new(begin);
        assert!(!pulse.misses((at(1), at(1)), PATIENCE) && !pulse.misses((at(4), at(4)), PATIENCE));
        assert!(pulse.misses((at(5), at(5)), PATIENCE));
        assert!(!pulse.misses((at(2), at(6)), PATIENCE), "it was asked of the server before");
        assert!(!pulse.misses((at(6), at(9)), PATIENCE) && pulse.misses((at(9), at(10)), PATIENCE));
        assert!(pulse.misses((at(20), at(24)), PATIENCE), "one try that took its time is enough");
    }

    #[test]
    fn an_answer_begins_it_anew() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let pulse = Pulse::new(begin);
        assert!(!pulse.misses((at(1), at(2)), PATIENCE));
        pulse.beats(at(3));
        assert!(!pulse.misses((at(2), at(6)), PATIENCE), "others are answered");
        assert!(!pulse.misses((at(4), at(7)), PATIENCE) && pulse.misses((at(7), at(8)), PATIENCE));
    }
}
