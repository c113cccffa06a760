//! Timers. A recorded deadline is found by the name of its state and its place among the timers there, so a timer
//! that has another place leaves its deadlines to another one.

use super::arms::{Sources, written};
use super::matching::{Matching, Side};
use super::pair::Pair;
use super::{Change, Severity, Subject, What};
use crate::NodeId;

/// A timer of an old state: its recorded name, and what becomes of its deadlines.
struct Timer<'m, 'a, 'b> {
    name: String,
    old: &'m Side<'a>,
    /// The timer that it is now.
    now: Option<(&'m Side<'b>, String)>,
    /// The name of the timer that its recorded deadlines are taken for.
    found: Option<String>,
}

pub(super) fn compare(pair: &Pair<'_, '_>, matching: &Matching<'_, '_>, sources: Sources) -> Vec<Change> {
    let was = sources.0.map(|id| pair.old.name(id));
    let is = sources.1.map(|id| pair.new.name(id));
    let mut changes: Vec<_> = timers(matching, was, is)
        .iter()
        .flat_map(|timer| [moved(timer), changed(pair, timer), removed(pair, timer)])
        .flatten()
        .map(|change| change.in_state(was))
        .collect();
    for (place, new) in matching.added().filter(|(_, new)| new.arm.is_timer()) {
        let name = recorded_name(is, &matching.new, place);
        let change = Change::new(Severity::Care, Subject::Timer, What::Added, name);
        changes.push(change.in_state(is).is(written(&pair.new, new.arm)));
    }
    changes
}

/// Timers of a state that has become one that was there before: its deadlines go to those of that state.
pub(super) fn compare_merged(pair: &Pair<'_, '_>, was: NodeId, is: NodeId) -> Vec<Change> {
    let matching = Matching::of(pair, Some(was), Some(is));
    let (was, is) = (pair.old.name(was), pair.new.name(is));
    let timers = timers(&matching, Some(was), Some(is));
    let changes = timers.iter().flat_map(|timer| [moved(timer), removed(pair, timer)]).flatten();
    changes.map(|change| change.in_state(Some(was))).collect()
}

fn timers<'m, 'a, 'b>(
    matching: &'m Matching<'a, 'b>,
    was: Option<&str>,
    is: Option<&str>,
) -> Vec<Timer<'m, 'a, 'b>> {
    let new_timers = matching.new.iter().filter(|side| side.arm.is_timer()).count();
    let timers = matching.old.iter().zip(&matching.places).filter(|(old, _)| old.arm.is_timer());
    let timer = |(place, (old, now)): (usize, (&'m Side<'a>, &Option<usize>))| Timer {
        name: name(was, place),
        old,
        now: now.and_then(|now| Some((matching.new.get(now)?, recorded_name(is, &matching.new, now)))),
        found: (place < new_timers).then(|| name(is, place)),
    };
    timers.enumerate().map(timer).collect()
}

fn moved(timer: &Timer<'_, '_, '_>) -> Option<Change> {
    let (_, now) = timer.now.as_ref()?;
    let change = Change::new(Severity::Breaking, Subject::Timer, What::Moved, &*timer.name);
    (timer.found.as_ref() != Some(now)).then(|| change.was(&*timer.name).is(&**now))
}

fn changed(pair: &Pair<'_, '_>, timer: &Timer<'_, '_, '_>) -> Option<Change> {
    let (new, _) = timer.now.as_ref().filter(|(new, _)| timer.old.differs(new))?;
    let change = Change::new(Severity::Care, Subject::Timer, What::Changed, &*timer.name);
    Some(change.was(written(&pair.old, timer.old.arm)).is(written(&pair.new, new.arm)))
}

/// Deadlines of a timer that is gone are dropped, unless they are taken for another's.
fn removed(pair: &Pair<'_, '_>, timer: &Timer<'_, '_, '_>) -> Option<Change> {
    let severity = if timer.found.is_some() { Severity::Breaking } else { Severity::Care };
    let change = Change::new(severity, Subject::Timer, What::Removed, &*timer.name);
    timer.now.is_none().then(|| change.was(written(&pair.old, timer.old.arm)))
}

/// The name under which the arm at this place is recorded.
fn recorded_name(source: Option<&str>, sides: &[Side<'_>], place: usize) -> String {
    name(source, sides.iter().take(place).filter(|side| side.arm.is_timer()).count())
}

fn name(source: Option<&str>, place: usize) -> String {
    format!("{}#{place}", source.unwrap_or_default())
}
