//! Many hosts on one store, as processes that are killed, paused and replaced: nothing is lost, and what is done twice is told.

mod bells;
mod fleet;
mod heard;
mod log;
mod moves;
mod rolling;

use statewright_hosts_tests::place::Place;
use statewright_services as services;
use std::sync::LazyLock;
use tokio::sync::{Mutex, MutexGuard};

static POSTGRES: LazyLock<services::Server> = LazyLock::new(|| services::postgres().expect("a server"));
static NATS: LazyLock<services::Server> = LazyLock::new(|| services::nats_cluster().expect("a cluster"));

fn postgres() -> Place {
    Place::new(POSTGRES.url())
}

fn nats() -> Place {
    Place::new(NATS.url())
}

/// One test at a time: hosts and servers share the cores, and a store that is slow because two tests keep it busy is another thing
/// than what is tried here.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
