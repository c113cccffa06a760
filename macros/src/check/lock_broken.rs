//! `lock_broken`: what has been released would not be read any more. What concerns the schemas of events and effects
//! only rustc can tell, and says by const evaluation; see `emit::lock`.

use crate::diagnostics::{Diagnostics, LOCK_BROKEN, closest};
use crate::model::{Lock, Locked, Model, NodeId, NodeKind};
use statewright_definition::lock::region_path;
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
    let reshaped = check_parallels(diagnostics, model, lock);
    check_leaves(diagnostics, model, (lock, &reshaped));
    check_effects(diagnostics, model, (file, lock));
}

fn check_states(diagnostics: &mut Diagnostics, model: &Model, locked: (&LitStr, &Lock)) {
    let (file, lock) = locked;
    let living: Vec<_> = model.nodes.iter().map(|node| node.name.unraw().to_string()).collect();
    let migrated: Vec<_> = model.migrations.iter().map(|(from, _)| from.unraw().to_string()).collect();
    let gone = lock.states.keys().filter(|name| !living.contains(name) && !migrated.contains(name));
    for name in gone {
        let wrong = format!("state `{name}` was released, and is gone: records name it");
        let became = closest(name, living.iter().map(String::as_str)).unwrap_or("State");
        let help = format!("say what it has become: `migrate {{ {name} => {became}; }}`");
        diagnostics.broken(LOCK_BROKEN, file, (wrong, help));
    }
}

/// A record names the states rested in, one for each region. The released regions of the parallel states that do not
/// have them any more.
fn check_parallels<'a>(diagnostics: &mut Diagnostics, model: &Model, lock: &'a Lock) -> Vec<&'a str> {
    let mut reshaped = Vec::new();
    for (released, then) in &lock.parallels {
        let Some(id) = successor(model, released) else { continue };
        let is_own = |region: &NodeId| is_region(model, *region) && model.node(*region).parent == Some(id);
        let now: Vec<_> = model.node_ids().filter(is_own).map(|region| name(model, region)).collect();
        let now = now.join("+");
        if migrated(model, then, '+') == now {
            continue;
        }
        reshaped.extend(then.split('+'));
        let now = if now.is_empty() { "none".to_owned() } else { listed(&now) };
        let wrong = format!(
            "parallel state `{released}` was released with the regions {}, and {} {now}: records name one state for each",
            listed(then),
            if *released == name(model, id) {
                "now has".to_owned()
            } else {
                format!("`{}` has", name(model, id))
            },
        );
        let help = "keep its regions and their order; one with others is a new parallel state beside it, with names of its own";
        diagnostics.broken(LOCK_BROKEN, &model.node(id).name, (wrong, help.to_owned()));
    }
    reshaped
}

/// What was rested in is to be rested in still, in the same regions.
fn check_leaves(diagnostics: &mut Diagnostics, model: &Model, released: (&Lock, &[&str])) {
    let (lock, reshaped) = released;
    for (released, regions) in &lock.leaves {
        let Some(id) = successor(model, released) else { continue };
        let (name, now) = (name(model, id), around(model, id));
        let finding = if !model.node(id).kind.is_leaf() {
            not_rested_in(model, id, released)
        } else if migrated(model, regions, '/') == now || regions.split('/').any(|it| reshaped.contains(&it))
        {
            continue;
        } else {
            let (then, now) = (within(regions), within(&now));
            let stands = if *released == name { "now stands".to_owned() } else { format!("`{name}` stands") };
            (
                format!(
                    "state `{released}` was released {then}, and {stands} {now}: records name one state for each region"
                ),
                format!("take it back there; a state that stands {now} is a new one, with a name of its own"),
            )
        };
        diagnostics.broken(LOCK_BROKEN, &model.node(id).name, finding);
    }
}

fn not_rested_in(model: &Model, id: NodeId, released: &str) -> (String, String) {
    let name = name(model, id);
    let inside = model.leaves().find(|leaf| model.is_within(*leaf, id));
    let inside = inside.map_or_else(|| "State".to_owned(), |leaf| self::name(model, leaf));
    let migrate = format!("`migrate {{ {released} => {inside}; }}`");
    let wrong = format!("state `{released}` was released as one that instances rest in, and");
    if released == name {
        let help = format!("give this one another name, and say what `{name}` became: {migrate}");
        (format!("{wrong} is none now: records name it"), help)
    } else {
        (
            format!("{wrong} `{name}` is none: records name it"),
            format!("let it become a state inside: {migrate}"),
        )
    }
}

fn check_effects(diagnostics: &mut Diagnostics, model: &Model, locked: (&LitStr, &Lock)) {
    let (file, lock) = locked;
    let living: Vec<_> =
        model.effects.iter().map(|effect| effect.named.variant.ident.unraw().to_string()).collect();
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

/// What a released name stands for now. One that stands for nothing is told of with the states.
fn successor(model: &Model, released: &str) -> Option<NodeId> {
    let living = model.node_ids().find(|id| name(model, *id) == released);
    living.or_else(|| {
        let migration = model.migrations.iter().find(|(from, _)| from.unraw() == released);
        migration.map(|(_, to)| *to)
    })
}

/// Names of regions as they are called now.
fn migrated(model: &Model, names: &str, between: char) -> String {
    let now = |released| successor(model, released).map_or(released.to_owned(), |id| name(model, id));
    names.split(between).map(now).collect::<Vec<_>>().join(&between.to_string())
}

fn around(model: &Model, id: NodeId) -> String {
    let around = model.lineage(id).skip(1).filter(|id| is_region(model, *id));
    region_path(around.map(|id| name(model, id)))
}

fn is_region(model: &Model, id: NodeId) -> bool {
    model.node(id).kind == NodeKind::Region
}

fn within(regions: &str) -> String {
    if regions.is_empty() { "in no region".to_owned() } else { format!("in region `{regions}`") }
}

/// Names joined by `+`, each in quotes.
fn listed(names: &str) -> String {
    format!("`{}`", names.replace('+', "`, `"))
}

fn name(model: &Model, id: NodeId) -> String {
    model.node(id).name.unraw().to_string()
}
