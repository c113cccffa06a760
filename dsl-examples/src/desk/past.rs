//! What was: the desk at a time, the records of an incident, an incident step by step.
//!
//! Coloured on a terminal, unless `NO_COLOR` is set.

use super::arguments::Past;
use super::drive::Failure;
use super::keep::Keep;
use anstyle::{AnsiColor, Style};
use dsl_examples::incident::{Desk, Incident, IncidentNode, IncidentState};
use jiff::Timestamp;
use statewright::history::{Filter, Transition};
use statewright::store::Kind;
use statewright::{Host, Machine};
use std::collections::BTreeMap;
use std::io::{self, Write};

const DIM: Style = Style::new().dimmed();
const STATE: Style = AnsiColor::Cyan.on_default();
const BEFORE: Style = AnsiColor::Red.on_default();
const AFTER: Style = AnsiColor::Green.on_default();
const REFUSED: Style = AnsiColor::Yellow.on_default();

/// Answers a question, from the records alone.
pub(crate) async fn tell(past: &Past, place: &str) -> Result<(), Failure> {
    let keep = Keep::open(place).await?;
    let host = Host::<Incident>::builder(keep.store()).build().await?;
    let mut out = anstream::stdout();
    match past {
        Past::Report { at } => report(&host, *at, &mut out).await?,
        Past::History { case } => history(&host, case, &mut out).await?,
        Past::Replay { case } => replay(&host, case, &mut out).await?,
    }
    host.shutdown().await;
    keep.close();
    Ok(())
}

async fn report(host: &Host<Incident>, at: Timestamp, out: &mut impl Write) -> Result<(), Failure> {
    let times = host.history().distribution(Timestamp::MIN, at).await?;
    let absent = times.absent().at_end;
    writeln!(out, "{} incidents by {at}", times.instances() - absent)?;
    writeln!(out, "\n{:<22} {:>9} {:>16}", "state", "incidents", "seconds in it")?;
    let states: BTreeMap<_, _> = times.states().map(|(state, spent)| (state.name(), spent)).collect();
    for (state, spent) in states {
        writeln!(out, "{STATE}{state:<22}{STATE:#} {:>9} {:>16}", spent.at_end, spent.time.as_secs())?;
    }
    writeln!(out, "\n{:<22} {:>9} {:>16}", "compound state", "incidents", "seconds in it")?;
    for node in IncidentNode::ALL {
        let id =
            Incident::DEFINITION.find(node.name()).filter(|id| Incident::DEFINITION.kind(*id).is_compound());
        let Some(spent) = id.map(|id| times.spent_in(id)) else { continue };
        writeln!(out, "{STATE}{node:<22}{STATE:#} {:>9} {:>16}", spent.at_end, spent.time.as_secs())?;
    }
    Ok(())
}

async fn history(host: &Host<Incident>, case: &str, out: &mut impl Write) -> Result<(), Failure> {
    let kinds = Filter::new().kinds(&[Kind::Step, Kind::Rejection, Kind::Deleted, Kind::Erased]);
    let history = host.instance(case).history();
    let mut transitions = history.transitions(Timestamp::MIN, Timestamp::MAX, usize::MAX, &kinds);
    let mut count = 0;
    while let Some(transition) = transitions.try_next().await? {
        count += 1;
        writeln!(out, "{}", line(&transition))?;
    }
    found(case, count)
}

async fn replay(host: &Host<Incident>, case: &str, out: &mut impl Write) -> Result<(), Failure> {
    let mut replay = host.instance(case).history().replay();
    let mut count = 0;
    while let Some(step) = replay.try_next().await? {
        count += 1;
        writeln!(out, "{}", line(&step.transition))?;
        say(out, ("before", BEFORE), (step.before.state(), step.before.data()))?;
        say(out, ("after", AFTER), (step.after.state(), step.after.data()))?;
    }
    found(case, count)
}

fn say(
    out: &mut impl Write,
    (when, style): (&str, Style),
    (state, data): (IncidentState, &Desk),
) -> Result<(), Failure> {
    Ok(writeln!(out, "    {style}{when:<6}{style:#} {state} {}", serde_json::to_string(data)?)?)
}

/// One record.
fn line(transition: &Transition<Incident>) -> String {
    let (record, step) = (&transition.record, &transition.record.step);
    let (revision, at) = (record.revision, step.at);
    let moved = match step.kind {
        Kind::Step => format!("{} -> {STATE}{}{STATE:#}", step.from, step.to),
        Kind::Rejection => {
            format!("{STATE}{}{STATE:#} {REFUSED}refused {}{REFUSED:#}", step.to, step.trigger)
        }
        kind => kind.name().to_owned(),
    };
    format!("{revision:>5} {DIM}{at}{DIM:#} {moved}")
}

fn found(case: &str, records: u64) -> Result<(), Failure> {
    if records == 0 { Err(io::Error::other(format!("there is no incident `{case}`")).into()) } else { Ok(()) }
}
