//! What is said once of a machine: its name and version, its data, where it begins, what happens to the rest.

use super::pair::Pair;
use super::{Change, Severity, Subject, What};
use crate::{Unhandled, text};

pub(super) fn compare(pair: &Pair<'_, '_>) -> Vec<Change> {
    let (old, new) = (&pair.old, &pair.new);
    let change = |severity, subject, texts: (&str, &str)| {
        let change = Change::new(severity, subject, What::Changed, old.machine);
        (texts.0 != texts.1).then(|| change.was(texts.0).is(texts.1))
    };
    let versions = (old.version.to_string(), new.version.to_string());
    let version = if old.version > new.version { Severity::Care } else { Severity::Safe };
    let data = [old, new].map(|definition| text::folded(definition.data.type_name));
    let data_versions = [old, new].map(|definition| definition.data.version.to_string());
    // New instances begin elsewhere only if it has not just another name.
    let begins = if pair.image(old.initial) == Some(new.initial) {
        new.name(new.initial)
    } else {
        old.name(old.initial)
    };
    let unhandled = (unhandled(old.unhandled), unhandled(new.unhandled));
    let changes = [
        change(Severity::Breaking, Subject::Machine, (old.machine, new.machine)),
        change(version, Subject::Version, (&versions.0, &versions.1)),
        change(Severity::Care, Subject::Data, (&data[0], &data[1])),
        change(Severity::Care, Subject::DataVersion, (&data_versions[0], &data_versions[1])),
        change(Severity::Care, Subject::Initial, (begins, new.name(new.initial))),
        change(Severity::Care, Subject::Unhandled, unhandled),
    ];
    changes.into_iter().flatten().collect()
}

fn unhandled(unhandled: Unhandled) -> &'static str {
    match unhandled {
        Unhandled::Reject => "reject",
        Unhandled::Ignore => "ignore",
    }
}
