//! A process to be killed: books rooms and forgets every guest again, and says of each that it is forgotten.

use statewright::{Host, KeyRing};
use statewright_sqlite::SqliteStore;
use statewright_tests::stay::{Stay, StayTrigger};
use std::io::Write;

/// `forgetful FILE ROUND`: a line with the guest for each that is forgotten.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let ring = KeyRing::new("2026", [26; 32]);
    let host = Host::<Stay>::builder(SqliteStore::open(file)?)
        .effects_elsewhere()
        .personal_key(ring)
        .build()
        .await?;
    for n in 0..1_000_000 {
        let guest = format!("{round}-{n}");
        let name = format!("Ann Archer of {guest}");
        host.instance(&guest).fire(StayTrigger::Book { guest: guest.clone(), name }).await?;
        host.forget(&guest).await?;
        std::io::stdout().lock().write_all(format!("{guest}\n").as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}
