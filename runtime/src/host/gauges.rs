//! Tells from time to time what a host holds: only what costs too much to be told whenever it changes.

use super::Inner;
use crate::machine::Machine;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Looks until the host closes or is gone.
pub(super) fn start<M: Machine>(inner: &Arc<Inner<M>>) {
    let (clock, weak) = (Arc::clone(&inner.repository.clock), Arc::downgrade(inner));
    let mut closing = inner.closing.subscribe();
    let background = Arc::clone(&inner.background);
    background.enter();
    let task = inner.pulse.task("gauges");
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => break,
                () = clock.sleep(LOOK_EVERY) => {}
            }
            let Some(inner) = weak.upgrade() else { break };
            inner.tell_held();
        }
        task.done();
        background.leave();
    });
}

impl<M: Machine> Inner<M> {
    fn tell_held(&self) {
        let max = self.options.in_flight_max.min(Semaphore::MAX_PERMITS);
        let in_flight = max.saturating_sub(self.in_flight.available_permits());
        self.observer.held(self.cache.len(), in_flight, self.quarantine.len());
        for (duty, late) in self.pulse.latest() {
            self.observer.late(duty, late);
        }
    }
}
