//! The second release: a field more, a field of another name, an event in two, a state gone, two states that are one.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use statewright::prelude::*;

state_machine! {
    /// A book of a library.
    pub machine Loan {
        version 2;
        lock "loan.lock";
        data Card;
        triggers { Lend { reader: String, days: u32 }, GiveBack { shelf: u32 }, GiveUp, Find }
        events { Lent, GivenBack, Fined, Noted, retired "loan.closed" => split closed }
        initial Shelved;
        on GiveUp => Missing emit Fined { cents: 900 } emit Noted { text: "given up".to_owned() };
        state Shelved { on Lend { reader, days } => Out emit Lent { reader, days }; }
        state Out { on GiveBack { shelf } => Shelved emit GivenBack { shelf }; }
        state Missing { on Find => Shelved emit Noted { text: "found".to_owned() }; }
        migrate { Reserved => Shelved; Lost => Missing; }
    }
}

/// What is known of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Who has had it, for how many days.
    pub readers: Vec<(String, u32)>,
    /// Where it stands.
    pub shelf: u32,
    /// What was paid for it, in cents.
    pub fines: u64,
    /// What was said of it.
    pub notes: Vec<String>,
}

/// It was lent, in the first release.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.lent", version = 1)]
pub struct LentV1 {
    reader: String,
}

/// It was lent: before there were days it was for two weeks.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.lent", version = 2, from = LentV1, auto)]
pub struct Lent {
    reader: String,
    #[event(default = 14)]
    days: u32,
}

/// It came back, in the first release.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.given_back", version = 1)]
pub struct GivenBackV1 {
    stamp: u32,
}

/// It came back.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.given_back", version = 2, from = GivenBackV1, auto)]
pub struct GivenBack {
    #[event(renamed_from = "stamp")]
    shelf: u32,
}

/// It was paid for.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.fined", version = 1)]
pub struct Fined {
    cents: u64,
}

/// Something was said of it.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.noted", version = 1)]
pub struct Noted {
    text: String,
}

/// What was recorded as closed is a fine, if there was one, and a note.
fn closed(json: Value, _cx: &UpcastContext) -> Result<Vec<LoanEvent>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Closed {
        fine: u64,
        note: String,
    }
    let Closed { fine, note } = serde_json::from_value(json)?;
    let fined = (fine > 0).then_some(LoanEvent::Fined(Fined { cents: fine }));
    Ok(fined.into_iter().chain([LoanEvent::Noted(Noted { text: note })]).collect())
}

impl Apply<Lent> for Card {
    fn apply(&mut self, event: &Lent) {
        self.readers.push((event.reader.clone(), event.days));
    }
}

impl Apply<GivenBack> for Card {
    fn apply(&mut self, event: &GivenBack) {
        self.shelf = event.shelf;
    }
}

impl Apply<Fined> for Card {
    fn apply(&mut self, event: &Fined) {
        self.fines += event.cents;
    }
}

impl Apply<Noted> for Card {
    fn apply(&mut self, event: &Noted) {
        self.notes.push(event.text.clone());
    }
}
