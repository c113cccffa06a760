//! What the job ends with. Everything but the speed is read from answers and records, so a run that was killed and
//! resumed reports what an undisturbed one does.

use dsl_examples::incident::{Incident, IncidentNode, IncidentState, Substatus};
use jiff::Timestamp;
use serde::Serialize;
use statewright::history::HistoryError;
use statewright::store::query::Spent;
use statewright::{Host, Rejection};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Counts on the way.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) cases: BTreeSet<String>,
    rejected_by: BTreeMap<String, u64>,
    states: BTreeMap<&'static str, u64>,
    seconds_in_state: BTreeMap<&'static str, u64>,
    seconds_in_compound: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn reject(&mut self, rejection: &Rejection, to: Substatus) {
        self.rejected += 1;
        let from = &rejection.explanation().state;
        *self.rejected_by.entry(format!("{from} -> {}", to.state())).or_default() += 1;
    }

    /// Asks where every incident stands and how long it stood where, up to `end`.
    pub(crate) async fn measure(
        &mut self,
        host: &Host<Incident>,
        end: Timestamp,
    ) -> Result<(), HistoryError> {
        for case in std::mem::take(&mut self.cases) {
            let times = host.instance(&case).history().distribution(Timestamp::MIN, end).await?;
            for (state, spent) in times.states() {
                self.spend(state, spent);
            }
            self.cases.insert(case);
        }
        Ok(())
    }

    fn spend(&mut self, state: IncidentState, spent: Spent) {
        let seconds = spent.time.as_secs();
        *self.seconds_in_state.entry(state.name()).or_default() += seconds;
        for compound in state.path().iter().filter(|node| node.name() != state.name()) {
            *self.seconds_in_compound.entry(IncidentNode::name(*compound)).or_default() += seconds;
        }
        if spent.at_end > 0 {
            *self.states.entry(state.name()).or_default() += spent.at_end;
        }
    }
}

/// The report. Its JSON form has everything but the speed.
#[derive(Serialize)]
pub(crate) struct Report {
    rows: u64,
    instances: usize,
    accepted: u64,
    rejected: u64,
    states: BTreeMap<&'static str, u64>,
    seconds_in_state: BTreeMap<&'static str, u64>,
    seconds_in_compound: BTreeMap<&'static str, u64>,
    rejected_by: BTreeMap<String, u64>,
    #[serde(skip)]
    took: Duration,
}

impl Report {
    pub(crate) fn of(tally: Tally, took: Duration) -> Self {
        let Tally { accepted, rejected, cases, rejected_by, states, seconds_in_state, seconds_in_compound } =
            tally;
        let rows = accepted + rejected;
        Self {
            rows,
            instances: cases.len(),
            accepted,
            rejected,
            states,
            seconds_in_state,
            seconds_in_compound,
            rejected_by,
            took,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, instances, accepted, rejected, .. } = self;
        writeln!(f, "{rows} rows of {instances} incidents: {accepted} accepted, {rejected} rejected")?;
        writeln!(f, "\n{:<22} {:>9} {:>16}", "state", "incidents", "seconds in it")?;
        for (state, seconds) in &self.seconds_in_state {
            let count = self.states.get(state).copied().unwrap_or_default();
            writeln!(f, "{state:<22} {count:>9} {seconds:>16}")?;
        }
        writeln!(f, "\n{:<22} {:>26}", "compound state", "seconds in it")?;
        for (state, seconds) in &self.seconds_in_compound {
            writeln!(f, "{state:<22} {seconds:>26}")?;
        }
        writeln!(f, "\n{:<40} {:>8}", "rejected moves", "rows")?;
        for (moved, count) in &self.rejected_by {
            writeln!(f, "{moved:<40} {count:>8}")?;
        }
        let millis = self.took.as_millis().max(1);
        write!(f, "\n{} steps per second", u128::from(self.rows) * 1_000 / millis)
    }
}
