//! An incident of a service desk: queued, worked on, resolved, closed, and sometimes all of it again.
//!
//! A row of the desk's log asks an incident to move to a substatus; the machine says which moves there are.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;
use std::fmt;

state_machine! {
    /// An incident of a service desk.
    pub machine Incident {
        version 2;
        data Desk;

        triggers {
            /// The incident shall move to this substatus.
            Move { to: Substatus, by: Line },
        }

        events { IncidentMoved }

        initial New;

        /// Reported, and nobody has looked at it yet.
        state New {
            on Move { to: Substatus::Unmatched, .. } => reject "a new incident has a queue or an engineer";
            on Move { to: Substatus::AwaitingAssignment, by } => AwaitingAssignment emit moved(Substatus::AwaitingAssignment, by);
            on Move { to: Substatus::InProgress, by } => InProgress emit moved(Substatus::InProgress, by);
            on Move { to: Substatus::Assigned, by } => Assigned emit moved(Substatus::Assigned, by);
            on Move { to: Substatus::Wait, by } => Wait emit moved(Substatus::Wait, by);
            on Move { to: Substatus::WaitUser, by } => WaitUser emit moved(Substatus::WaitUser, by);
            on Move { to: Substatus::WaitVendor, by } => WaitVendor emit moved(Substatus::WaitVendor, by);
            on Move { to: Substatus::WaitCustomer, by } => WaitCustomer emit moved(Substatus::WaitCustomer, by);
            on Move { to: Substatus::WaitImplementation, by } => WaitImplementation emit moved(Substatus::WaitImplementation, by);
            on Move { to: Substatus::Resolved, by } => Resolved emit moved(Substatus::Resolved, by);
            on Move { to: Substatus::Closed, by } => Closed emit moved(Substatus::Closed, by);
            on Move { to: Substatus::InCall, by } => InCall emit moved(Substatus::InCall, by);
            on Move { to: Substatus::Cancelled, by } => Cancelled emit moved(Substatus::Cancelled, by);
        }

        /// Waits for an engineer.
        state Queued {
            initial AwaitingAssignment;

            state AwaitingAssignment {
                on Move { to: Substatus::AwaitingAssignment, by } => stay emit moved(Substatus::AwaitingAssignment, by);
                on Move { to: Substatus::InProgress, by } => InProgress emit moved(Substatus::InProgress, by);
                on Move { to: Substatus::Assigned, by } => Assigned emit moved(Substatus::Assigned, by);
                on Move { to: Substatus::Wait, by } => Wait emit moved(Substatus::Wait, by);
                on Move { to: Substatus::WaitUser, by } => WaitUser emit moved(Substatus::WaitUser, by);
                on Move { to: Substatus::WaitVendor, by } => WaitVendor emit moved(Substatus::WaitVendor, by);
                on Move { to: Substatus::WaitCustomer, by } => WaitCustomer emit moved(Substatus::WaitCustomer, by);
                on Move { to: Substatus::WaitImplementation, by } => WaitImplementation
                    emit moved(Substatus::WaitImplementation, by);
                on Move { to: Substatus::Resolved, by } => Resolved emit moved(Substatus::Resolved, by);
                on Move { .. } => reject "a queued incident is picked up or resolved";
            }
        }

        /// An engineer has it. What is the same for all of these states stands here; each of them stays where it is
        /// when it is asked for itself.
        state Accepted {
            initial InProgress;

            on Move { to: Substatus::InProgress, by } => InProgress emit moved(Substatus::InProgress, by);
            on Move { to: Substatus::Assigned, by } => Assigned emit moved(Substatus::Assigned, by);
            on Move { to: Substatus::Wait, by } => Wait emit moved(Substatus::Wait, by);
            on Move { to: Substatus::WaitUser, by } => WaitUser emit moved(Substatus::WaitUser, by);
            on Move { to: Substatus::WaitVendor, by } => WaitVendor emit moved(Substatus::WaitVendor, by);
            on Move { to: Substatus::WaitCustomer, by } => WaitCustomer emit moved(Substatus::WaitCustomer, by);
            on Move { to: Substatus::WaitImplementation, by } => WaitImplementation emit moved(Substatus::WaitImplementation, by);
            on Move { to: Substatus::AwaitingAssignment, by } => AwaitingAssignment emit moved(Substatus::AwaitingAssignment, by);
            on Move { to: Substatus::Resolved, by } => Resolved emit moved(Substatus::Resolved, by);
            on Move { to: Substatus::InCall, by } => InCall emit moved(Substatus::InCall, by);
            on Move { to: Substatus::Cancelled, by } => Cancelled emit moved(Substatus::Cancelled, by);
            on Move { .. } => reject "an incident in work is queued, resolved or called off";

            state InProgress {
                on Move { to: Substatus::InProgress, by } => stay emit moved(Substatus::InProgress, by);
            }
            state Assigned {
                on Move { to: Substatus::Assigned, by } => stay emit moved(Substatus::Assigned, by);
            }
            state Wait {
                on Move { to: Substatus::Wait, by } => stay emit moved(Substatus::Wait, by);
            }
            state WaitUser {
                on Move { to: Substatus::WaitUser, by } => stay emit moved(Substatus::WaitUser, by);
            }
            state WaitVendor {
                on Move { to: Substatus::WaitVendor, by } => stay emit moved(Substatus::WaitVendor, by);
            }
            state WaitCustomer {
                on Move { to: Substatus::WaitCustomer, by } => stay emit moved(Substatus::WaitCustomer, by);
            }
            state WaitImplementation {
                on Move { to: Substatus::WaitImplementation, by } => stay emit moved(Substatus::WaitImplementation, by);
            }
        }

        /// The work is done. A resolved incident may come back; the others may not.
        state Completed {
            initial Resolved;

            state Resolved {
                on Move { to: Substatus::Resolved, by } => stay emit moved(Substatus::Resolved, by);
                on Move { to: Substatus::Closed, by } => Closed emit moved(Substatus::Closed, by);
                on Move { to: Substatus::InProgress, by } => InProgress emit moved(Substatus::InProgress, by);
                on Move { to: Substatus::Assigned, by } => Assigned emit moved(Substatus::Assigned, by);
                on Move { to: Substatus::AwaitingAssignment, by } => AwaitingAssignment
                    emit moved(Substatus::AwaitingAssignment, by);
                on Move { to: Substatus::Unmatched, by } => Unmatched emit moved(Substatus::Unmatched, by);
                on Move { .. } => reject "a resolved incident is closed or comes back to work";
            }
            final Closed;
            final InCall;
            final Cancelled;
        }

        /// The desk lost track of it.
        state Unmatched {
            on Move { to: Substatus::Unmatched, by } => stay emit moved(Substatus::Unmatched, by);
            on Move { to: Substatus::InProgress, by } => InProgress emit moved(Substatus::InProgress, by);
            on Move { .. } => reject "an unmatched incident is taken up again first";
        }
    }
}

fn moved(to: Substatus, by: Line) -> IncidentMoved {
    IncidentMoved { to, line: by.line, country: by.country }
}

/// Who moved the incident.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The organisation line.
    pub line: String,
    /// Its country.
    pub country: String,
}

macro_rules! substatuses {
    ($($(#[$doc:meta])* $name:ident $status:literal $text:literal)*) => {
        /// What the desk's log calls the state of an incident.
        #[derive(EventData, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Substatus { $($(#[$doc])* $name),* }

        impl Substatus {
            /// Every one, in the order of an incident's life.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The status that it belongs to, as the log writes it.
            pub const fn status(self) -> &'static str {
                match self { $(Self::$name => $status),* }
            }

            /// As the log writes it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The state of that name.
            pub const fn state(self) -> IncidentState {
                match self { $(Self::$name => IncidentState::$name),* }
            }
        }
    };
}

substatuses! {
    /// Nobody has it.
    AwaitingAssignment "Queued" "Awaiting Assignment"
    /// An engineer works on it.
    InProgress "Accepted" "In Progress"
    /// An engineer will work on it.
    Assigned "Accepted" "Assigned"
    /// It waits.
    Wait "Accepted" "Wait"
    /// It waits for the user.
    WaitUser "Accepted" "Wait - User"
    /// It waits for the vendor.
    WaitVendor "Accepted" "Wait - Vendor"
    /// It waits for the customer.
    WaitCustomer "Accepted" "Wait - Customer"
    /// It waits for a change to be made.
    WaitImplementation "Accepted" "Wait - Implementation"
    /// The work is done.
    Resolved "Completed" "Resolved"
    /// The user agrees.
    Closed "Completed" "Closed"
    /// It was solved on the telephone.
    InCall "Completed" "In Call"
    /// It was called off.
    Cancelled "Completed" "Cancelled"
    /// The desk lost track of it.
    Unmatched "Unmatched" "Unmatched"
}

/// A text that is no substatus of the desk.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown status `{status}` / `{substatus}`")]
pub struct UnknownSubstatus {
    /// The status.
    pub status: String,
    /// The substatus.
    pub substatus: String,
}

impl Substatus {
    /// The substatus that a row of the log names.
    ///
    /// # Errors
    /// The two do not name one.
    pub fn named(status: &str, substatus: &str) -> Result<Self, UnknownSubstatus> {
        let known = Self::ALL.iter().find(|known| known.status() == status && known.text() == substatus);
        known
            .copied()
            .ok_or_else(|| UnknownSubstatus { status: status.to_owned(), substatus: substatus.to_owned() })
    }
}

impl fmt::Display for Substatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// What the desk knows of an incident.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Desk {
    /// How often it was moved.
    pub moves: u64,
    /// Who moved it last.
    pub last: Line,
}

/// The first version did not say who moved it.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "incident.moved", version = 1)]
pub struct IncidentMovedV1 {
    /// Where to.
    pub to: Substatus,
}

/// The incident was moved.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "incident.moved", version = 2, from = IncidentMovedV1)]
pub struct IncidentMoved {
    /// Where to.
    pub to: Substatus,
    /// The organisation line that moved it.
    pub line: String,
    /// Its country.
    pub country: String,
}

impl Upcast<IncidentMovedV1> for IncidentMoved {
    fn upcast(old: IncidentMovedV1, _cx: &UpcastContext) -> Self {
        Self { to: old.to, line: "unknown".to_owned(), country: "unknown".to_owned() }
    }
}

impl Apply<IncidentMoved> for Desk {
    fn apply(&mut self, event: &IncidentMoved) {
        self.moves += 1;
        self.last = Line { line: event.line.clone(), country: event.country.clone() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statewright::testing::given;

    fn to(substatus: Substatus) -> IncidentTrigger {
        IncidentTrigger::Move { to: substatus, by: Line { line: "A2".to_owned(), country: "se".to_owned() } }
    }

    #[test]
    fn a_life_with_a_return() {
        use Substatus::{AwaitingAssignment, Closed, InProgress, Resolved, WaitUser};
        let mut incident = given::<Incident>().instance();
        for substatus in [
            InProgress,
            WaitUser,
            WaitUser,
            AwaitingAssignment,
            InProgress,
            Resolved,
            InProgress,
            Resolved,
            Closed,
        ] {
            let step = incident.fire(to(substatus)).expect("the move is allowed");
            assert_eq!(step.to, substatus.state());
        }
        assert_eq!(incident.data().moves, 9);
        assert!(incident.state().is_in(IncidentNode::Completed));
    }

    /// The moves of the desk, written down as a table and held against the machine.
    #[test]
    fn the_machine_is_the_table() {
        let accepted = [
            "InProgress",
            "Assigned",
            "Wait",
            "WaitUser",
            "WaitVendor",
            "WaitCustomer",
            "WaitImplementation",
        ];
        for from in IncidentState::ALL.iter().copied() {
            for substatus in Substatus::ALL.iter().copied() {
                let (name, goal) = (from.name(), substatus.state().name());
                let ends = ["Closed", "InCall", "Cancelled"].contains(&name);
                let allowed = match name {
                    _ if ends => false,
                    "New" => goal != "Unmatched",
                    _ if name == goal => true,
                    "AwaitingAssignment" => accepted.contains(&goal) || goal == "Resolved",
                    "Resolved" => ["Closed", "InProgress", "Assigned", "AwaitingAssignment", "Unmatched"]
                        .contains(&goal),
                    "Unmatched" => goal == "InProgress",
                    _ => {
                        accepted.contains(&goal)
                            || ["AwaitingAssignment", "Resolved", "InCall", "Cancelled"].contains(&goal)
                    }
                };
                let mut incident = given::<Incident>().state(from).instance();
                let fired = incident.fire(to(substatus));
                assert_eq!(fired.is_ok(), allowed, "{name} -> {goal}");
                assert_eq!(incident.state(), if allowed { substatus.state() } else { from });
            }
        }
    }

    #[test]
    fn a_row_names_a_substatus() {
        assert_eq!(Substatus::named("Accepted", "Wait - User"), Ok(Substatus::WaitUser));
        assert!(Substatus::named("Queued", "Wait - User").is_err());
    }
}
