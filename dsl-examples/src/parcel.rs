//! A parcel from counter to doorstep: every construct of the language in one page.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use std::time::Duration;

/// What one person can carry.
const GRAMS_MAX: u32 = 30_000;

state_machine! {
    /// A parcel, from the counter to the doorstep.
    pub machine Parcel {
        version 2;
        data Slip;

        triggers {
            Weigh { grams: u32 },
            Print { town: String },
            Stamp { cents: u32 },
            Scan { place: String },
            Deliver,
            Halt,
            Resume,
            Restart,
            Cancel { reason: String },
            /// Only the machine itself finds a parcel too heavy.
            #[internal]
            TooHeavy { grams: u32 },
        }

        events { Weighed, Printed, Stamped, Scanned, Reminded, Halted, Closed }

        effects {
            /// Rings at the door.
            Ring { place: String },
            /// Calls the sender.
            Call { about: String },
        }

        initial Counter;

        // The machine's own arms serve every state that does not answer for itself.
        on Cancel { reason } => Returned emit Closed { why: reason };
        ignore Restart;

        /// At the counter goods and papers are made ready side by side.
        parallel Counter {
            deep history AsItWas;
            entry do Call { about: "we have your parcel".into() };
            done => Waiting;
            on TooHeavy { grams } => Returned emit Closed { why: format!("{grams} g are too heavy") };
            on Halt => OnHold;

            region Goods {
                initial Unweighed;
                state Unweighed {
                    on Weigh { grams } if grams > GRAMS_MAX => stay emit Weighed { grams } raise TooHeavy { grams };
                    on Weigh { grams } => Ready emit Weighed { grams };
                }
                final Ready;
            }

            region Papers {
                initial Blank;
                on Restart => internal Blank;
                state Blank { on Print { town } => Labelled emit Printed { town }; }
                state Labelled {
                    /// Postage is counted by weight.
                    on Stamp { cents } if cents >= data.postage() => Franked emit Stamped { cents };
                    on Stamp { .. } => reject format!("the postage is {} cents", data.postage());
                    every 1d => stay do Call { about: "the stamp is missing".into() };
                }
                final Franked;
            }
        }

        state OnHold {
            entry emit Halted;
            on Resume => AsItWas;
            on Restart => (Unweighed, Labelled);
            after 14d => Returned emit Closed { why: "nobody came back".into() };
        }

        /// Where it goes from here depends on the way it has to go.
        state Waiting {
            always if data.is_local() => AtTheDoor;
            always => Carried;
        }

        state Carried {
            initial Truck;
            history LastLeg => Truck;
            exit emit Scanned { place: "depot".into() };
            on Halt => Stranded;
            on Scan { place } if place == data.town => AtTheDoor emit Scanned { place };
            state Truck { on Scan { place } => Train emit Scanned { place }; }
            state Train { on Scan { place } => Truck emit Scanned { place }; }
        }

        state Stranded { on Resume => LastLeg; }

        state AtTheDoor {
            entry emit Reminded, do Ring { place: data.town.clone() };
            on Deliver => Delivered emit Closed { why: "delivered".into() };
            after (data.patience()) if data.rings < 3 => AtTheDoor;
            after (data.patience()) => Returned emit Closed { why: "nobody at home".into() };
        }

        final Delivered { entry do Call { about: "it has arrived".into() }; }
        final Returned;

        limit 20 per 1m burst 40 on Scan per tenant;

        migrate { Packing => Unweighed; }

        prove {
            Delivered requires AtTheDoor;
            never AtTheDoor ~> Carried;
            Counter reaches Delivered;
            always ends;
            handled Cancel;
        }
    }
}

/// What is written on the slip.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Slip {
    /// Weight, in grams.
    pub grams: u32,
    /// Postage paid, in cents.
    pub cents: u32,
    /// Where it goes; empty: it is fetched next door.
    pub town: String,
    /// Places it has passed.
    pub way: Vec<String>,
    /// How often somebody rang.
    pub rings: u32,
    /// How it ended.
    pub closed: Option<String>,
}

impl Slip {
    fn postage(&self) -> u32 {
        200 + self.grams / 10
    }

    fn is_local(&self) -> bool {
        self.grams < 500
    }

    fn patience(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.rings))
    }
}

/// The parcel was weighed.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.weighed", version = 1)]
pub struct Weighed {
    grams: u32,
}

/// The label was printed.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.printed", version = 1)]
pub struct Printed {
    town: String,
}

/// Postage was paid.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.stamped", version = 1)]
pub struct Stamped {
    cents: u32,
}

/// The parcel passed a place.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.scanned", version = 1)]
pub struct Scanned {
    place: String,
}

/// Somebody rang.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.reminded", version = 1)]
pub struct Reminded;

/// The work at the counter was put aside.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.halted", version = 1)]
pub struct Halted;

/// It is over.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "parcel.closed", version = 1)]
pub struct Closed {
    why: String,
}

impl Apply<Weighed> for Slip {
    fn apply(&mut self, event: &Weighed) {
        self.grams = event.grams;
    }
}

impl Apply<Printed> for Slip {
    fn apply(&mut self, event: &Printed) {
        self.town.clone_from(&event.town);
    }
}

impl Apply<Stamped> for Slip {
    fn apply(&mut self, event: &Stamped) {
        self.cents += event.cents;
    }
}

impl Apply<Scanned> for Slip {
    fn apply(&mut self, event: &Scanned) {
        self.way.push(event.place.clone());
    }
}

impl Apply<Reminded> for Slip {
    fn apply(&mut self, _event: &Reminded) {
        self.rings += 1;
    }
}

impl Apply<Halted> for Slip {
    fn apply(&mut self, _event: &Halted) {}
}

impl Apply<Closed> for Slip {
    fn apply(&mut self, event: &Closed) {
        self.closed = Some(event.why.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statewright::testing::given;

    fn print() -> ParcelTrigger {
        ParcelTrigger::Print { town: "Ulm".to_owned() }
    }

    #[test]
    fn goods_and_papers_are_made_ready_side_by_side() {
        let done = given::<Parcel>()
            .when(print())
            .and_when(ParcelTrigger::Weigh { grams: 2_000 })
            .and_when(ParcelTrigger::Stamp { cents: 1 })
            .then_refused("the postage is 400 cents")
            .and_when(ParcelTrigger::Stamp { cents: 400 });
        done.then_state(ParcelState::Truck).then_event(Stamped { cents: 400 }).then_no_more();
    }

    #[test]
    fn what_was_put_aside_goes_on_as_it_was() {
        let halted = given::<Parcel>()
            .when(print())
            .then_state(ParcelState::Counter {
                goods: ParcelGoodsState::Unweighed,
                papers: ParcelPapersState::Labelled,
            })
            .and_when(ParcelTrigger::Halt)
            .then_state(ParcelState::OnHold);
        halted.and_when(ParcelTrigger::Resume).then_state(ParcelState::Counter {
            goods: ParcelGoodsState::Unweighed,
            papers: ParcelPapersState::Labelled,
        });
    }

    #[test]
    fn a_parcel_that_is_too_heavy_goes_back_in_the_same_step() {
        given::<Parcel>()
            .when(ParcelTrigger::Weigh { grams: 40_000 })
            .then_state(ParcelState::Returned)
            .then_event(Weighed { grams: 40_000 })
            .then_event(Closed { why: "40000 g are too heavy".to_owned() })
            .and_when(ParcelTrigger::Deliver)
            .then_finished();
        given::<Parcel>().when(ParcelTrigger::TooHeavy { grams: 1 }).then_not_handled();
    }
}
