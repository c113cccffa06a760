//! A host among others, to be killed: begins all bells, as every host does, rings those whose shards it has, and follows all
//! records together with the other hosts.

use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::error::NewerHost;
use statewright::host::Host;
use statewright::subscription::{Message, Start, SubscriptionError};
use statewright::{FireError, LoadError, Machine};
use statewright_hosts_tests::place::{Failure, Place};
use statewright_hosts_tests::{Bell, BellEffects, BellTrigger, second};
use std::io::{self, Write};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

/// What every host of a test is told.
struct Task {
    lease: Duration,
    bells: u32,
}

/// `host RELEASE URL NAME LEASE BELLS TIMES`: release 1 or 2, the lease in milliseconds. One line for each thing that it does,
/// until its input ends: `host ID`, `begun` when all bells are, `rang KEY EPOCH`, `seen INSTANCE REVISION STATE`, `fenced SHARD`
/// when an acknowledgement came too late, `deaf THERE HERE` when it follows no more because a newer release wrote a record. Told
/// `look`, it looks at every bell: `stopped INSTANCE THERE HERE` for one that a newer release wrote, and `asked` behind them; told
/// `rest`, it has every bell rest, and says `rests`.
#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [release, url, name, lease, bells, times] = &arguments[..] else {
        return Err("six arguments".into());
    };
    let task = Task { lease: Duration::from_millis(lease.parse()?), bells: bells.parse()? };
    let times = times.parse()?;
    let store = Place { url: url.clone(), name: name.clone() }.open().await?.store();
    match release.as_str() {
        "1" => {
            let host = Host::<Bell>::builder(store).effects(Rope).lease(task.lease).build().await?;
            run(host, &task, [BellTrigger::Begin { times }, BellTrigger::Rest]).await
        }
        "2" => {
            let host = Host::<second::Bell>::builder(store).effects(Rope).lease(task.lease).build().await?;
            run(host, &task, [second::BellTrigger::Begin { times }, second::BellTrigger::Rest]).await
        }
        _ => Err("there are releases 1 and 2".into()),
    }
}

async fn run<M: Machine<Trigger: Clone>>(
    host: Host<M>,
    task: &Task,
    [begins, rests]: [M::Trigger; 2],
) -> Result<(), Failure> {
    say(&format!("host {}", host.id()))?;
    let follows = tokio::spawn(follow(host.clone(), task.lease));
    ask(&host, task.bells, ("begin", begins)).await?;
    say("begun")?;
    let mut told = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = told.next_line().await? {
        if line == "rest" {
            ask(&host, task.bells, ("rest", rests.clone())).await?;
            say("rests")?;
        } else {
            look(&host, task.bells).await?;
        }
    }
    follows.abort();
    host.shutdown().await;
    Ok(())
}

/// Asks every bell, in any order. Hosts that ask the same do so under the same command id: the revision decides who does.
async fn ask<M: Machine<Trigger: Clone>>(
    host: &Host<M>,
    bells: u32,
    (command, trigger): (&str, M::Trigger),
) -> Result<(), Failure> {
    let mut order: Vec<_> = (0..bells).collect();
    fastrand::shuffle(&mut order);
    for bell in order {
        let asked = loop {
            let instance = host.instance(&format!("bell-{bell}"));
            match instance.command(command).fire(trigger.clone()).await {
                // Others were faster each time, or the server was slower: the command id makes asking again safe.
                Err(error) if error.is_retryable() => {}
                asked => break asked,
            }
        };
        // A newer host may have begun it, and gone on; one that has rung for the last time does not rest.
        if let Err(error) = asked
            && newer(&error).is_none()
            && error.rejection().is_none()
        {
            return Err(error.into());
        }
    }
    Ok(())
}

async fn look<M: Machine>(host: &Host<M>, bells: u32) -> Result<(), Failure> {
    for bell in (0..bells).map(|bell| format!("bell-{bell}")) {
        let looked = loop {
            match host.instance(&bell).state().await {
                Err(error) if error.is_retryable() => {}
                looked => break looked,
            }
        };
        if let Err(error) = looked {
            let Some(NewerHost { there, here }) = newer(&error) else { return Err(error.into()) };
            say(&format!("stopped {bell} {there} {here}"))?;
        }
    }
    Ok(say("asked")?)
}

/// Who wrote what stops an instance here, if that is a newer release.
fn newer(error: &FireError) -> Option<NewerHost> {
    match error {
        FireError::Load(cause) => newer_record(cause),
        _ => None,
    }
}

fn newer_record(error: &LoadError) -> Option<NewerHost> {
    match error {
        LoadError::Decode { newer, .. } | LoadError::UnknownState { newer, .. } => *newer,
        _ => None,
    }
}

/// Acknowledges by the record: what is handed out again was not acknowledged, or its shard has changed hands.
async fn follow<M: Machine>(host: Host<M>, lease: Duration) -> Result<(), SubscriptionError> {
    let mut consumer = loop {
        match host.subscribe(Start::Beginning).named("followed").lease(lease).open().await {
            Err(error) if error.is_retryable() => {}
            opened => break opened?,
        }
    };
    loop {
        let message = match consumer.next().await {
            Err(SubscriptionError::Unreadable { source })
                if let Some(NewerHost { there, here }) = newer_record(&source) =>
            {
                let _ = say(&format!("deaf {there} {here}"));
                return Ok(());
            }
            // The server was slow: nothing is passed over, and what is not acknowledged comes again.
            Err(error) if error.is_retryable() => continue,
            message => message?,
        };
        if let Message::Record(item) = message {
            let record = &item.record;
            let line = format!("seen {} {} {}", record.stream.instance, record.revision, record.step.to);
            if say(&line).is_err() {
                return Ok(());
            }
            let fenced = loop {
                match consumer.ack().await {
                    Err(error) if error.is_retryable() => {}
                    fenced => break fenced?,
                }
            };
            for shard in fenced {
                let _ = say(&format!("fenced {}", shard.0));
            }
        }
    }
}

/// The outside world: a pipe to who counts.
struct Rope;

impl BellEffects for Rope {
    async fn ring(&self, cx: &EffectCx, _turn: u32) -> EffectAnswer<Bell> {
        rings(cx)?;
        Ok(Some(BellTrigger::Rung))
    }
}

impl second::BellEffects for Rope {
    async fn ring(&self, cx: &EffectCx, _turn: u32) -> EffectAnswer<second::Bell> {
        rings(cx)?;
        Ok(Some(second::BellTrigger::Rung))
    }
}

fn rings(cx: &EffectCx) -> Result<(), EffectError> {
    say(&format!("rang {} {}", cx.key(), cx.epoch())).map_err(EffectError::retry)
}

/// One write for each line, so that a kill leaves the whole line or none.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
