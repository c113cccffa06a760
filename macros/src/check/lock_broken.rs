//! `lock_broken`: what has been released would not be read any more. What concerns the schemas of events and effects
//! only rustc can tell, and says by const evaluation; see `emit::lock`.

use crate::diagnostics::{Diagnostics, LOCK_BROKEN, nearest};
use crate::model::{Lock, Locked, Model};
use std::fmt::Display;
use syn::LitStr;
use syn::ext::IdentExt;

pub(crate) fn report_unreadable(diagnostics: &mut Diagnostics, file: &LitStr, error: &dyn Display) {
    let wrong = format!("`{}` cannot be read: {error}", file.value());
    let help =
        "take the file back as it was committed; it is written by `STATEWRIGHT_LOCK=update cargo test`";
    diagnostics.broken(LOCK_BROKEN, file, (wrong, help.to_owned()));
}

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    let Some(Locked { file, released: Some(lock), .. }) = &model.lock else { return };
    let machine = model.name.unraw().to_string();
    if lock.machine != machine {
        let wrong = format!("`{}` is the lock of machine `{}`", file.value(), lock.machine);
        let help = "a machine that was released keeps its name; give this one a file of its own".to_owned();
        diagnostics.broken(LOCK_BROKEN, file, (wrong, help));
        return;
    }
    check_states(diagnostics, model, (file, lock));
    check_effects(diagnostics, model, (file, lock));
}

fn check_states(diagnostics: &mut Diagnostics, model: &Model, locked: (&LitStr, &Lock)) {
    let (file, lock) = locked;
    let living: Vec<_> = model.nodes.iter().map(|node| node.name.unraw().to_string()).collect();
    let migrated: Vec<_> = model.migrations.iter().map(|(from, _)| from.unraw().to_string()).collect();
    let gone = lock.states.keys().filter(|name| !living.contains(name) && !migrated.contains(name));
    for name in gone {
        let wrong = format!("state `{name}` was released, and is gone: records name it");
        let near = nearest(name, living.iter().map(String::as_str));
        let became = near.split('`').nth(1).unwrap_or("State");
        let help = format!("say what it has become: `migrate {{ {name} => {became}; }}`");
        diagnostics.broken(LOCK_BROKEN, file, (wrong, help));
    }
}

fn check_effects(diagnostics: &mut Diagnostics, model: &Model, locked: (&LitStr, &Lock)) {
    let (file, lock) = locked;
    let living: Vec<_> =
        model.effects.iter().map(|effect| effect.variant.ident.unraw().to_string()).collect();
    for name in lock.effects.keys().filter(|name| !living.contains(name)) {
        let wrong = format!(
            "effect `{name}` was released, and is gone: one that was recorded may still wait to be done"
        );
        let help = format!(
            "keep it in `effects`; when none waits any more, delete its line from `{}`",
            file.value()
        );
        diagnostics.broken(LOCK_BROKEN, file, (wrong, help));
    }
}
