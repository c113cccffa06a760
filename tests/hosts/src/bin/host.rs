//! A host among others, to be killed: begins all bells, as every host does, rings those whose shards it has, and follows all
//! records together with the other hosts.

use statewright::effect::{EffectAnswer, EffectCx};
use statewright::host::Host;
use statewright::subscription::{Message, Start, SubscriptionError};
use statewright_hosts_tests::place::{Failure, Place};
use statewright_hosts_tests::{Bell, BellEffects, BellTrigger};
use std::io::{self, Write};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// `host URL NAME LEASE BELLS TIMES`: the lease in milliseconds. One line for each thing that it does, until its input ends:
/// `host ID`, `begun` when all bells are, `rang KEY EPOCH`, `seen INSTANCE REVISION STATE`, `fenced SHARD` when
/// an acknowledgement came too late.
#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, name, lease, bells, times] = &arguments[..] else { return Err("five arguments".into()) };
    let (lease, bells, times) = (Duration::from_millis(lease.parse()?), bells.parse()?, times.parse()?);
    let opened = Place { url: url.clone(), name: name.clone() }.open().await?;
    let host = Host::builder(opened.store()).effects(Rope).lease(lease).build().await?;
    say(&format!("host {}", host.id()))?;
    let follows = tokio::spawn(follow(host.clone(), lease));
    begin(&host, bells, times).await?;
    say("begun")?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    follows.abort();
    host.shutdown().await;
    Ok(())
}

/// Every host begins every bell, under the same command id: the revision decides who does.
async fn begin(host: &Host<Bell>, bells: u32, times: u32) -> Result<(), Failure> {
    let mut order: Vec<_> = (0..bells).collect();
    fastrand::shuffle(&mut order);
    for bell in order {
        let instance = host.instance(&format!("bell-{bell}"));
        instance.command("begin").fire(BellTrigger::Begin { times }).await?;
    }
    Ok(())
}

/// Acknowledges by the record: what is handed out again was not acknowledged, or its shard has changed hands.
async fn follow(host: Host<Bell>, lease: Duration) -> Result<(), SubscriptionError> {
    let mut consumer = host.subscribe(Start::Beginning).named("followed").lease(lease).open().await?;
    loop {
        if let Message::Record(item) = consumer.next().await? {
            let record = &item.record;
            let line = format!("seen {} {} {}", record.stream.instance, record.revision, record.step.to);
            if say(&line).is_err() {
                return Ok(());
            }
            for shard in consumer.ack().await? {
                let _ = say(&format!("fenced {}", shard.0));
            }
        }
    }
}

/// The outside world: a pipe to who counts.
struct Rope;

impl BellEffects for Rope {
    async fn ring(&self, cx: &EffectCx, _turn: u32) -> EffectAnswer<Bell> {
        say(&format!("rang {} {}", cx.key(), cx.epoch())).map_err(statewright::effect::EffectError::retry)?;
        Ok(Some(BellTrigger::Rung))
    }
}

/// One write for each line, so that a kill leaves the whole line or none.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
