//! What a change is called and what to do about it, a sentence for each case.
//!
//! It judges nothing: a case is told by subject, what happened and severity.

use super::{Change, Severity, Subject, What};
use crate::text;

/// The change on one line.
pub(super) fn sentence(change: &Change) -> String {
    let (thing, happened) = (thing(change), happened(change));
    let advice = advice(change);
    let colon = if advice.is_empty() { "" } else { ": " };
    text::folded(&format!("{thing} {happened}{colon}{advice}"))
}

fn thing(change: &Change) -> String {
    let name = &change.name;
    let place = match &change.source {
        Some(source) => format!("of `{source}`"),
        None => "of the machine".to_owned(),
    };
    match change.subject {
        Subject::Machine => "the machine".to_owned(),
        Subject::Version => "the machine's version".to_owned(),
        Subject::Data => "the type of the data".to_owned(),
        Subject::DataVersion => "the version of the data".to_owned(),
        Subject::Initial => "the machine's `initial`".to_owned(),
        Subject::Unhandled => "`unhandled`".to_owned(),
        Subject::State => format!("state `{name}`"),
        Subject::Arm if change.what == What::Reordered => format!("the order of the arms {place}"),
        Subject::Arm => format!("arm `{name}` {place}"),
        Subject::Timer => format!("timer `{name}`"),
        Subject::Trigger => format!("trigger `{name}`"),
        Subject::Event => format!("event `{name}`"),
        Subject::Effect => format!("effect `{name}`"),
        Subject::Limit => format!("the limit {name}"),
        Subject::Migration => format!("the older name `{name}`"),
        Subject::Claim => format!("the claim `{name}`"),
    }
}

fn happened(change: &Change) -> String {
    let old = change.old.as_deref().unwrap_or_default();
    let new = change.new.as_deref().unwrap_or_default();
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
    let (was, is) = (shown(old), shown(new));
    match (change.what, change.subject) {
        (What::Added, Subject::Timer | Subject::Limit) => format!("is new, {is}"),
        (What::Added, _) => "is new".to_owned(),
        (What::Removed, Subject::Timer) => format!("is gone, {was}"),
        (What::Removed, Subject::Migration) => "stands in `migrate` no more".to_owned(),
        (What::Removed, _) => "is gone".to_owned(),
        (What::Became, _) => format!("became {is}"),
        (What::Kind, _) => format!("was {old} and is {new}"),
        (What::Moved, Subject::Timer) => format!("is {is} now"),
        (What::Moved, _) => format!("stood in {was} and stands in {is}"),
        (What::Reordered, Subject::State) => format!("had its regions in the order {was} and has {is}"),
        (What::Initial, _) => format!("began in {was} and begins in {is}"),
        (What::Entry, _) => format!("did on entry {was} and does {is}"),
        (What::Exit, _) => format!("did on exit {was} and does {is}"),
        (What::Changed, Subject::Event) => format!("was {} and is {}", reading(old), reading(new)),
        (What::Changed, Subject::Migration) => format!("meant {was} and means {is}"),
        (What::Changed | What::Reordered, _) => format!("was {was} and is {is}"),
    }
}

/// A version, or what becomes of an event that is retired.
fn reading(text: &str) -> String {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        format!("of version {text}")
    } else {
        text.to_owned()
    }
}

fn advice(change: &Change) -> &'static str {
    match change.severity {
        Severity::Safe => "",
        Severity::Care => care(change.subject, change.what),
        Severity::Breaking => breaking(change),
    }
}

fn care(subject: Subject, what: What) -> &'static str {
    match (subject, what) {
        (Subject::Version, _) => "records hold the higher one: raise it above that",
        (Subject::Data, _) => {
            "it is built up anew from all events, without snapshots: check `Apply` of each event"
        }
        (Subject::DataVersion, _) => {
            "it is built up anew from all events, without snapshots: check what the older events mean"
        }
        (Subject::Initial, _) => {
            "new instances begin there, those that have begun stay where they are: check both"
        }
        (Subject::Unhandled, _) => "check who relies on the answer to a trigger that nothing answers",
        (Subject::State, What::Removed) => {
            "its arms and timers are gone with it: check the states that it held, or say in `migrate` what it became"
        }
        (Subject::State, What::Became) => {
            "instances that rest there answer as that state does: check that they may"
        }
        (Subject::State, What::Kind) => "check what instances that have it in their records do next",
        (Subject::State, What::Moved) => {
            "instances inside it answer what is around it now: check the arms it inherits"
        }
        (Subject::State, _) => "check what it is to do for instances that are recorded already",
        (Subject::Arm, What::Added) => {
            "others answered there, or nobody asks for it: check which arm is taken now"
        }
        (Subject::Arm, What::Removed) => "instances that rest there answer it no more: check who still asks",
        (Subject::Arm, What::Reordered) => "the first that applies wins: check which one is taken now",
        (Subject::Timer, What::Added) => {
            "it runs from the next entry on: an instance that rests there now has no deadline, fire what it shall do"
        }
        (Subject::Timer, What::Removed) => {
            "its recorded deadlines are dropped and counted: check what else leads on from there"
        }
        (Subject::Timer, _) => {
            "a recorded deadline stands as it was set, the arm it leads to is the new one: check both"
        }
        (Subject::Trigger, What::Removed) => "take it out of the programs that fire it",
        (Subject::Trigger, _) => {
            "fired from outside it is `NotHandled`: take it out of the programs that fire it"
        }
        (Subject::Event, _) => "what is recorded builds up other data from now on: check what is built on it",
        (Subject::Limit, _) => "more is refused than before: check who asks that often",
        _ => "check that recorded instances may go on so",
    }
}

fn breaking(change: &Change) -> &'static str {
    match (change.subject, change.what) {
        (Subject::Machine, _) => {
            "records stand under the older name and are not found: keep it, or copy the streams"
        }
        (Subject::State, What::Removed) if change.old.as_deref() == Some("region") => {
            "recorded states name those in it: say in `migrate` which region it became, or let older instances end \
             under another machine"
        }
        (Subject::State, What::Removed) => "say what it became in `migrate`, in the same regions",
        (Subject::State, What::Became) => {
            "its records cannot be read as that: name in `migrate` one that can be rested in, in the same regions"
        }
        (Subject::State, What::Added | What::Reordered) => {
            "recorded states name those of the regions there were, in their order: keep the regions, or let older \
             instances end under another machine"
        }
        (Subject::State, What::Kind) => {
            "its records cannot be read so: give the new one another name, and say in `migrate` which state that can \
             be rested in the older name became"
        }
        (Subject::State, _) => {
            "recorded states do not fit the regions around it: leave it there, or migrate it to a state that is there"
        }
        (Subject::Timer, What::Removed) => {
            "its recorded deadlines would be taken for another timer's: leave one in its place that does nothing, \
             `=> stay`"
        }
        (Subject::Timer, _) => {
            "recorded deadlines are found by that name: keep the timers of a state in order and add new ones behind \
             them"
        }
        (Subject::Event, What::Removed) => "records hold it: list it in `events` again, or retire it there",
        (Subject::Event, _) => "records hold the higher version: raise it above that, with an `Upcast`",
        (Subject::Effect, _) => {
            "one that is recorded may still wait: keep it and its handler until none does"
        }
        (Subject::Migration, What::Removed) => "records may hold it: say again what it means",
        (Subject::Migration, _) => {
            "its records cannot be read as that: name one that can be rested in, in the same regions"
        }
        _ => "records cannot be read so: take it back",
    }
}
