//! Ours: a host with everything that hosts do by themselves, over the store.

use crate::{Failure, Plan};
use serde::{Deserialize, Serialize};
use statewright::Host;
use statewright::effect::{EffectAnswer, EffectCx};
use statewright::prelude::*;
use statewright_postgres::{Options, PostgresStore, Statistics};
use std::sync::Arc;

state_machine! {
    /// Counts; when it is full it rings, and is emptied after an hour. So hosts run effects and timers, and what is measured
    /// has none in its steps, as the peers have none.
    pub(crate) machine Counter {
        data Sum;
        triggers { Add { n: u64, note: String }, Fill }
        events { Added }
        effects { Ring }
        initial Even;
        on Fill => Full;
        state Even { on Add { n, note } => Odd emit Added { n, note }; }
        state Odd { on Add { n, note } => Even emit Added { n, note }; }
        state Full {
            entry do Ring;
            on Add { .. } => reject "it is full";
            after 1h => Even;
        }
    }
}

/// What was added up.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Sum {
    total: u64,
}

/// Something was added.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "counter.added", version = 1)]
pub(crate) struct Added {
    pub(crate) n: u64,
    pub(crate) note: String,
}

impl Apply<Added> for Sum {
    fn apply(&mut self, event: &Added) {
        self.total += event.n;
    }
}

pub(crate) struct Bell;

impl CounterEffects for Bell {
    async fn ring(&self, _: &EffectCx) -> EffectAnswer<Counter> {
        Ok(None)
    }
}

/// A host over a store in a schema of its own.
pub(crate) struct Ours {
    store: Arc<PostgresStore>,
    host: Host<Counter>,
}

impl Ours {
    pub(crate) async fn open(url: &str, schema: &str, plan: &Plan) -> Result<Self, Failure> {
        let mut options = Options::from_url(url)?.schema(schema).transactions_max(plan.transactions);
        if let Some(shards) = plan.shards {
            options = options.shards(shards);
        }
        options.create().await?;
        let store = Arc::new(options.open().await?);
        let host = Host::<Counter>::builder(Arc::clone(&store)).effects(Bell).build().await?;
        Ok(Self { store, host })
    }

    pub(crate) async fn transition(&self, instance: &str, note: &str) -> Result<(), Failure> {
        let trigger = CounterTrigger::Add { n: 1, note: note.to_owned() };
        self.host.instance(instance).fire(trigger).await?;
        Ok(())
    }

    pub(crate) fn statistics(&self) -> Statistics {
        self.store.statistics()
    }

    pub(crate) async fn close(self) {
        self.host.shutdown().await;
    }
}
