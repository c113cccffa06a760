//! What stands on the shelf and cannot be found again from the log.
//!
//! Left behind are snapshots and agendas, which hosts make anew, and signs of hosts, leases and checkpoints of subscriptions,
//! which mean nothing on another store.

use super::{Copy, CopyError};
use crate::effect::unescaped;
use crate::host::effects_checkpoint;
use crate::personal;
use crate::store::{Cell, CellKey, Cursor, Kind, Put, Record, Shard, Store, StoreError, StreamId};
use std::collections::BTreeSet;

/// Cells, or records, that are looked at at once.
const PAGE_MAX: usize = 256;

/// Where effects of a machine are told to have run.
const EFFECTS: &str = "effects/";

/// A family of cells that moves.
struct Family {
    prefix: &'static str,
    /// Whose it is, by what stands behind the prefix; `None`: nobody's, and not to be moved.
    whose: fn(&str) -> Option<Whose>,
    /// Cells go when what they stand for is done or put away: an earlier cut-over may have brought one that is gone.
    is_done_with: bool,
}

/// What a cell belongs to.
struct Whose {
    /// In whose shard it stands.
    stream: StreamId,
    tenant: String,
    /// `None`: it is of all machines.
    machine: Option<String>,
}

const FAMILIES: [Family; 4] = [
    Family { prefix: personal::PREFIX, whose: of_subject, is_done_with: false },
    Family { prefix: "parked/", whose: of_instance, is_done_with: true },
    Family { prefix: "dead/", whose: of_letter, is_done_with: true },
    Family { prefix: "erased/", whose: of_tenant, is_done_with: false },
];

/// `<length>/<tenant>/<key>`.
fn of_subject(rest: &str) -> Option<Whose> {
    let (length, rest) = rest.split_once('/')?;
    let (tenant, key) = rest.split_at_checked(length.parse().ok()?)?;
    let stream = StreamId::new(tenant, personal::PREFIX, key.strip_prefix('/')?);
    Some(Whose { stream, tenant: tenant.to_owned(), machine: None })
}

/// `<machine>/<tenant>/<instance>`, and for one effect more behind it.
fn of_instance(rest: &str) -> Option<Whose> {
    let mut parts = rest.split('/');
    let (machine, tenant, instance) = (parts.next()?, unescaped(parts.next()?), unescaped(parts.next()?));
    let stream = StreamId::new(&tenant, machine, &instance);
    Some(Whose { stream, tenant, machine: Some(machine.to_owned()) })
}

/// `<machine>/` and the key of an effect.
fn of_letter(rest: &str) -> Option<Whose> {
    let (machine, key) = rest.split_once('/')?;
    let place = crate::effect::EffectCx::of_key(key)?;
    let (stream, tenant) = (place.stream().clone(), place.tenant().to_owned());
    Some(Whose { stream, tenant, machine: Some(machine.to_owned()) })
}

/// `<tenant>`; nobody is no tenant.
fn of_tenant(rest: &str) -> Option<Whose> {
    let whose = || Whose { stream: StreamId::new(rest, "", ""), tenant: rest.to_owned(), machine: None };
    (!rest.is_empty()).then(whose)
}

impl Copy {
    /// Machines of the selection whose effects a host of the source runs.
    pub(super) async fn machines_with_effects(&self) -> Result<BTreeSet<String>, CopyError> {
        let mut machines = BTreeSet::new();
        for shard in self.shards() {
            let cells = self.from.list(shard, EFFECTS, None, PAGE_MAX).await.map_err(CopyError::Source)?;
            let names = cells.iter().filter_map(|cell| cell.key.name.strip_prefix(EFFECTS));
            machines.extend(names.map(str::to_owned));
        }
        machines.retain(|machine| self.machine.as_deref().is_none_or(|wanted| wanted == machine));
        Ok(machines)
    }

    /// That no effect is left that was never begun: of what moves in the source, of all else in the target.
    pub(super) async fn check_effects(&self, machines: &BTreeSet<String>) -> Result<(), CopyError> {
        for machine in machines {
            let moves = |stream: &StreamId| *stream.machine == **machine && self.is_wanted(stream);
            let stays = |stream: &StreamId| *stream.machine == **machine && !self.is_wanted(stream);
            let left = effects_left(&*self.from, machine, moves).await.map_err(CopyError::Source)?;
            if left || effects_left(&*self.to, machine, stays).await.map_err(CopyError::Target)? {
                return Err(CopyError::EffectsLeft { machine: machine.clone() });
            }
        }
        Ok(())
    }

    /// Effects of the target begin behind everything that was brought.
    pub(super) async fn begin_effects(&self, machines: &BTreeSet<String>) -> Result<(), CopyError> {
        for shard in (0..self.to.limits().shards).map(Shard) {
            let end = self.to.end(shard).await.map_err(CopyError::Target)?;
            let put = |machine: &String| {
                let (key, value) = (effects_checkpoint(shard, machine), Some(end.0.clone()));
                Put { key, version: None, value }
            };
            let puts: Vec<_> = machines.iter().map(put).collect();
            if !puts.is_empty() {
                self.to.put(puts).await.map_err(CopyError::Target)?;
            }
        }
        Ok(())
    }

    /// A subject is found by a secret of the store: one store has one.
    pub(super) async fn take_secret(&self) -> Result<(), CopyError> {
        let keys = personal::OWN_CELLS.map(|name| CellKey { shard: Shard(0), name: name.into() });
        let ours = self.from.get(&keys).await.map_err(CopyError::Source)?;
        let theirs = self.to.get(&keys).await.map_err(CopyError::Target)?;
        let secret = |cells: &[Cell]| {
            cells.iter().find(|cell| *cell.key.name == *personal::SECRET).map(|cell| cell.value.clone())
        };
        match (secret(&ours), secret(&theirs)) {
            (None, _) => Ok(()),
            (Some(ours), Some(theirs)) if ours != theirs => Err(CopyError::PersonalSecret),
            (Some(_), _) => {
                let put = |cell: Cell| Put { key: cell.key, version: None, value: Some(cell.value) };
                self.to.put(ours.into_iter().map(put).collect()).await.map(drop).map_err(CopyError::Target)
            }
        }
    }

    /// How many cells were written.
    pub(super) async fn copy_shelf(&self) -> Result<u64, CopyError> {
        let mut count = 0;
        for family in &FAMILIES {
            for shard in self.shards() {
                count += self.copy_family(family, shard).await?;
            }
            if family.is_done_with {
                self.remove_surplus(family).await?;
            }
        }
        Ok(count)
    }

    async fn copy_family(&self, family: &Family, shard: Shard) -> Result<u64, CopyError> {
        let (mut count, mut after): (_, Option<Box<str>>) = (0, None);
        loop {
            let cells = self.from.list(shard, family.prefix, after.as_deref(), PAGE_MAX).await;
            let cells = cells.map_err(CopyError::Source)?;
            let is_last = cells.len() < PAGE_MAX;
            after = cells.last().map(|cell| cell.key.name.clone());
            let put = |cell: Cell| {
                let whose = self.whose(family, &cell)?;
                let key = CellKey { shard: self.to.shard(&whose.stream), name: cell.key.name };
                Some(Put { key, version: None, value: Some(cell.value) })
            };
            let puts: Vec<_> = cells.into_iter().filter_map(put).collect();
            count += puts.len() as u64;
            if !puts.is_empty() {
                self.to.put(puts).await.map_err(CopyError::Target)?;
            }
            if is_last {
                return Ok(count);
            }
        }
    }

    async fn remove_surplus(&self, family: &Family) -> Result<(), CopyError> {
        for shard in (0..self.to.limits().shards).map(Shard) {
            let mut after: Option<Box<str>> = None;
            loop {
                let cells = self.to.list(shard, family.prefix, after.as_deref(), PAGE_MAX).await;
                let cells = cells.map_err(CopyError::Target)?;
                let is_last = cells.len() < PAGE_MAX;
                after = cells.last().map(|cell| cell.key.name.clone());
                for cell in cells {
                    let Some(whose) = self.whose(family, &cell) else { continue };
                    let key = CellKey { shard: self.from.shard(&whose.stream), name: cell.key.name.clone() };
                    if self.from.get(&[key]).await.map_err(CopyError::Source)?.is_empty() {
                        let removal = Put { key: cell.key, version: None, value: None };
                        self.to.put(vec![removal]).await.map_err(CopyError::Target)?;
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whose a cell is, if it belongs to what is moved.
    fn whose(&self, family: &Family, cell: &Cell) -> Option<Whose> {
        let whose = (family.whose)(cell.key.name.strip_prefix(family.prefix)?)?;
        let tenant = self.tenant.as_deref().is_none_or(|tenant| *tenant == *whose.tenant);
        let machine = self.machine.as_deref().zip(whose.machine.as_deref());
        (tenant && machine.is_none_or(|(wanted, is)| wanted == is)).then_some(whose)
    }

    fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.from.limits().shards).map(Shard)
    }
}

/// Whether effects of such instances stand behind the checkpoint.
async fn effects_left(
    store: &dyn Store,
    machine: &str,
    is_meant: impl Fn(&StreamId) -> bool,
) -> Result<bool, StoreError> {
    for shard in (0..store.limits().shards).map(Shard) {
        let found = store.get(&[effects_checkpoint(shard, machine)]).await?.pop();
        let mut after = found.map_or_else(Cursor::default, |cell| Cursor(cell.value));
        loop {
            let page = store.scan(shard, &after, PAGE_MAX).await?;
            let is_left = |record: &Record| {
                record.step.kind == Kind::Step
                    && !record.step.body.effects.is_empty()
                    && is_meant(&record.stream)
            };
            if page.records.iter().any(is_left) {
                return Ok(true);
            }
            after = page.next;
            if page.records.len() < PAGE_MAX {
                break;
            }
        }
    }
    Ok(false)
}
