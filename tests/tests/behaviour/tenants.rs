//! Tenants: who is let in, what one of them has and may use, and how all of it is handed over or erased.

mod erase;
mod export;
mod isolation;
mod quotas;
mod tenancy;

use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::{Cell, MemoryStore, Shard, Store};
use statewright::subscription::Start;
use statewright_sqlite::SqliteStore;
use statewright_tests::address::instance;
use statewright_tests::kettle::{Kettle, KettleTrigger};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Ids that stand nowhere else.
const ACME: &str = "acme-7f3d";
const OTHER: &str = "other/9c1e";

/// Knocks whose effect fails for now, and for good.
const STUCK: u64 = 7;
const BROKEN: u64 = 9;

struct Bell;

impl DoorEffects for Bell {
    async fn ring(&self, _cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        match times {
            STUCK => Err(EffectError::retry("the bell is stuck")),
            BROKEN => Err(EffectError::fatal("the bell is broken")),
            _ => Ok(Some(DoorTrigger::Rung)),
        }
    }
}

/// Doors and kettles on one store.
struct House {
    store: Arc<dyn Store>,
    clock: FakeClock,
    doors: Host<Door>,
    kettles: Host<Kettle>,
}

/// The same in memory and in a file, which is there as long as the folder.
async fn houses() -> Vec<(House, Option<TempDir>)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = SqliteStore::open(folder.path().join("house.db")).expect("a new file");
    let memory = House::new(Arc::new(MemoryStore::with_shards(4))).await;
    vec![(memory, None), (House::new(Arc::new(file)).await, Some(folder))]
}

impl House {
    async fn new(store: Arc<dyn Store>) -> Self {
        let clock = FakeClock::default();
        let doors = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects(Bell);
        let doors = doors.snapshot_every(2).history_every(2).build().await.expect("fine");
        let kettles = Host::<Kettle>::builder(Arc::clone(&store)).clock(clock.clone());
        let kettles = kettles.snapshot_every(2).build().await.expect("fine");
        Self { store, clock, doors, kettles }
    }

    /// Something of everything that a tenant can have, or nobody.
    async fn furnish(&self, tenant: &str) {
        for id in ["a", "b/c", ""] {
            let door = instance(&self.doors, tenant, id);
            for times in [1, STUCK, 2, 3] {
                let command = door.command(&format!("knock-{times}")).actor(tenant);
                command.fire(DoorTrigger::Knock { times }).await.expect("always");
            }
            instance(&self.doors, tenant, &format!("broken-{id}"))
                .fire(DoorTrigger::Knock { times: BROKEN })
                .await
                .expect("always");
            let kettle = instance(&self.kettles, tenant, id);
            for trigger in [KettleTrigger::Fill, KettleTrigger::Stir, KettleTrigger::Stir] {
                kettle.fire(trigger).await.expect("it is idle or on");
            }
        }
        if !tenant.is_empty() {
            let named = self.doors.tenant(tenant).expect("an id").subscribe(Start::Beginning).named("bells");
            let mut bells = named.open().await.expect("fine");
            bells.next().await.expect("it reads");
            bells.ack().await.expect("it is written");
            bells.close().await;
        }
        for (family, count) in
            [("agenda/Kettle/", 3), ("dead/Door/", 3), ("parked/Door/", 3), ("snapshot/", 9)]
        {
            self.until(|cells| of(cells, family, tenant) >= count, family).await;
        }
        self.until(|cells| of(cells, "history/", tenant) >= 6, "history snapshots").await;
    }

    async fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for shard in (0..self.store.limits().shards).map(Shard) {
            cells.extend(self.store.list(shard, "", None, 10_000).await.expect("it reads"));
        }
        cells
    }

    async fn until(&self, is_so: impl Fn(&[Cell]) -> bool, what: &str) {
        for _ in 0..100_000 {
            if is_so(&self.cells().await) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("there are never enough {what}");
    }

    async fn close(&self) {
        // What waits for time would else hold up the end. It passes no faster than the store answers, so that what is being
        // written is waited for.
        let (clock, store) = (self.clock.clone(), Arc::clone(&self.store));
        let time = tokio::spawn(async move {
            loop {
                clock.advance(Duration::from_millis(100));
                store.list(Shard(0), "", None, 1).await.expect("it reads");
                tokio::task::yield_now().await;
            }
        });
        self.doors.shutdown().await;
        self.kettles.shutdown().await;
        time.abort();
    }
}

/// Cells of a family that a tenant has; nobody has those that name nobody.
fn of(cells: &[Cell], family: &str, tenant: &str) -> usize {
    let whose = |cell: &&Cell| match tenant {
        "" => !holds(cell, ACME) && !holds(cell, OTHER),
        _ => holds(cell, tenant),
    };
    cells.iter().filter(|cell| cell.key.name.starts_with(family)).filter(whose).count()
}

/// Whether a cell names a tenant, in its name or in what it holds.
fn holds(cell: &Cell, tenant: &str) -> bool {
    let escaped = tenant.replace('/', "%2F");
    let value = String::from_utf8_lossy(&cell.value);
    [tenant, &escaped].iter().any(|tenant| cell.key.name.contains(tenant) || value.contains(tenant))
}
