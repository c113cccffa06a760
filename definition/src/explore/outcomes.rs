//! In how many ways the arms of one trigger can turn out at a configuration.

use crate::chart::{Arms, Configuration};
use crate::{ArmDef, ArmId, Definition};
use std::collections::BTreeMap;

/// Ways that are looked at.
const OUTCOMES_MAX: usize = 256;

/// Every way in which the arms that `asks` lets through can turn out at a configuration: the arms selected, one for
/// each leaf. `None`: too many to look at.
pub fn outcomes(
    definition: &Definition<'_>,
    configuration: &Configuration,
    asks: &dyn Fn(&ArmDef<'_>) -> bool,
) -> Option<Vec<Arms>> {
    let lists = configuration.leaves(definition).map(|leaf| {
        let asked = definition.arms_of(leaf).filter(|(_, arm)| asks(arm));
        asked.map(|(id, arm)| (id, arm.whole)).collect::<Vec<_>>()
    });
    let mut choosing = Choosing { lists: lists.collect(), known: BTreeMap::new(), found: Vec::new() };
    choosing.choose(0, &Arms::new());
    (choosing.found.len() <= OUTCOMES_MAX).then_some(choosing.found)
}

struct Choosing {
    lists: Vec<Vec<(ArmId, bool)>>,
    known: BTreeMap<ArmId, bool>,
    found: Vec<Arms>,
}

impl Choosing {
    fn choose(&mut self, leaf: usize, selected: &Arms) {
        if self.found.len() > OUTCOMES_MAX {
            return;
        }
        let Some(list) = self.lists.get(leaf).cloned() else {
            if !self.found.contains(selected) {
                self.found.push(selected.clone());
            }
            return;
        };
        let mut assumed = Vec::new();
        let mut open = true;
        for (arm, whole) in list {
            let known = self.known.get(&arm).copied();
            if known == Some(false) {
                continue;
            }
            let mut with = selected.clone();
            if !with.contains(&arm) {
                with.push(arm);
            }
            if whole || known == Some(true) {
                self.choose(leaf + 1, &with);
                open = false;
                break;
            }
            self.known.insert(arm, true);
            self.choose(leaf + 1, &with);
            self.known.insert(arm, false);
            assumed.push(arm);
        }
        if open {
            self.choose(leaf + 1, selected);
        }
        for arm in assumed {
            self.known.remove(&arm);
        }
    }
}
