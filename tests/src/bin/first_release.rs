//! Writes what the first release of the loans records: `first_release FILE`. The file in `tests/data` was made so.

use jiff::Timestamp;
use statewright::Host;
use statewright::clock::FakeClock;
use statewright_sqlite::SqliteStore;
use statewright_tests::loan::release1::{Loan, LoanTrigger};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("no file")?;
    let clock = FakeClock::at(Timestamp::from_second(1_780_000_000)?);
    let host = Host::<Loan>::builder(SqliteStore::open(file)?).clock(clock).snapshot_every(3).build().await?;
    let lend = |reader: &str| LoanTrigger::Lend { reader: reader.to_owned() };
    let back = |shelf| LoanTrigger::GiveBack { shelf };
    let books = [
        ("shelved", vec![lend("ann"), back(7), lend("bob"), back(8)]),
        ("reserved", vec![lend("ann"), back(3), LoanTrigger::Reserve]),
        ("out", vec![LoanTrigger::Reserve, lend("eve")]),
        ("missing", vec![lend("bob"), LoanTrigger::Miss]),
        ("lost", vec![lend("eve"), LoanTrigger::GiveUp]),
        ("found", vec![LoanTrigger::GiveUp, LoanTrigger::Find, lend("ann")]),
    ];
    for (book, triggers) in books {
        for (n, trigger) in triggers.into_iter().enumerate() {
            host.instance(book).command(&format!("{book}/{n}")).fire(trigger).await?;
        }
    }
    host.shutdown().await;
    Ok(())
}
