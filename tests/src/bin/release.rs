//! One release of a program as a process: runs commands at its store, one after the other, and says what became of each.

use statewright::{FireError, Host};
use statewright_sqlite::SqliteStore;
use statewright_tests::ticket::{v1, v2};

/// `release 1|2 FILE COMMAND…`, a command being `instance:trigger`. A line `instance: state` for each that was
/// accepted, `instance! error: cause` for each that was not.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (release, file) = (arguments.next().ok_or("no release")?, arguments.next().ok_or("no file")?);
    let commands: Vec<_> = arguments.collect();
    match release.as_str() {
        "1" => first(&file, &commands).await,
        "2" => second(&file, &commands).await,
        _ => Err("there are releases 1 and 2".into()),
    }
}

async fn first(file: &str, commands: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    use v1::TicketTrigger::{Note, Reopen, Shelve, Solve};
    let host = Host::<v1::Ticket>::builder(SqliteStore::open(file)?).snapshot_every(1).build().await?;
    for (instance, trigger) in commands.iter().filter_map(|command| command.split_once(':')) {
        let trigger = match trigger {
            "note" => Note { text: "dark".to_owned() },
            "solve" => Solve,
            "reopen" => Reopen,
            "shelve" => Shelve,
            other => return Err(format!("release 1 knows no `{other}`").into()),
        };
        say(instance, host.instance(instance).fire(trigger).await.map(|fired| fired.to.to_string()));
    }
    host.shutdown().await;
    Ok(())
}

async fn second(file: &str, commands: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    use v2::TicketTrigger::{Ask, HandOn, Note, Reopen, Shelve, Solve};
    let host = Host::<v2::Ticket>::builder(SqliteStore::open(file)?).snapshot_every(1).build().await?;
    for (instance, trigger) in commands.iter().filter_map(|command| command.split_once(':')) {
        let trigger = match trigger {
            "note" => Note { text: "dark".to_owned(), author: "ann".to_owned() },
            "solve" => Solve,
            "reopen" => Reopen,
            "shelve" => Shelve,
            "ask" => Ask,
            "hand" => HandOn { to: "ben".to_owned() },
            other => return Err(format!("release 2 knows no `{other}`").into()),
        };
        say(instance, host.instance(instance).fire(trigger).await.map(|fired| fired.to.to_string()));
    }
    host.shutdown().await;
    Ok(())
}

fn say(instance: &str, outcome: Result<String, FireError>) {
    match outcome {
        Ok(state) => println!("{instance}: {state}"),
        Err(error) => {
            println!("{instance}! {}", chain(&error));
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
