//! How statewright fails, and that what it generates is at home anywhere. The cases stand in `fail` and `pass`.
//!
//! This library is itself a case: the lints below hold for what the macros generate into it.

#![deny(warnings, missing_docs, clippy::all, clippy::pedantic)]

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// Everything that is generated, under every lint.
    pub machine Lamp {
        data Hours;
        triggers {
            /// On for so many hours.
            On { hours: u64 },
            /// Off.
            Off,
            Break(String),
        }
        events { Lit, Burnt }
        effects {
            /// Pays.
            Bill { cents: u64 },
            Replace(u8),
            Mourn,
        }
        initial Dark;
        on Break(_) => Broken emit Burnt do Replace(1) do Mourn;
        state Dark {
            on On { hours } if hours > 0 && !cx.instance().is_empty() => Steady emit Lit { hours } do Bill { cents: data.sum };
            on On { .. } => reject format!("not without hours, in {state}");
        }
        state Bright {
            initial Steady;
            exit do Bill { cents: 1 };
            on Off => Dark;
            state Steady {
                on On { hours } => Flicker emit Lit { hours };
            }
            state Flicker {
                entry do Mourn;
                ignore On;
            }
        }
        final Broken;
    }
}

/// What it has burnt.
#[derive(Serialize, Deserialize, Clone, Default)]
pub struct Hours {
    sum: u64,
}

/// Who lit it.
#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Who {
    /// Somebody.
    Person {
        /// Who.
        #[serde(default, alias = "called")]
        name: String,
    },
    /// Nobody.
    #[serde(skip_serializing)]
    Nobody,
}

/// It was lit.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "lamp.lit", version = 1)]
pub struct Lit {
    hours: u64,
}

/// It is broken.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "lamp.burnt", version = 1)]
pub struct Burnt;

impl Apply<Lit> for Hours {
    fn apply(&mut self, event: &Lit) {
        self.sum += event.hours;
    }
}

impl Apply<Burnt> for Hours {
    fn apply(&mut self, _event: &Burnt) {}
}

state_machine! {
    /// Everything that is generated for regions, histories and timers, under every lint.
    pub machine Desk {
        data Hours;
        triggers {
            /// For so many hours.
            Light { hours: u64 },
            Away,
            Back,
            Write(String),
            Drop,
            /// Only from within.
            #[internal]
            Tired { hours: u64 },
        }
        events { Lit }
        effects {
            /// Counts it.
            Count { hours: u64 },
        }
        initial Work;
        every 1h => stay do Count { hours: data.sum };
        on Drop => Over;
        parallel Work {
            /// What was being done.
            deep history Before;
            done => Over;
            on Away => Pause;
            /// The lamp.
            region Lamp {
                initial Off;
                state Off {
                    on Light { hours } if hours > 10 => stay raise Tired { hours };
                    on Light { hours } => Shining emit Lit { hours };
                }
                state Shining {
                    exit do Count { hours: 1 };
                    after (std::time::Duration::from_secs(data.sum)) if cx.deadline().is_some() => Off;
                }
                on Tired { hours } => internal Burnt emit Lit { hours };
                final Burnt;
            }
            region Paper {
                initial Blank;
                state Blank { on Write(text) if !text.is_empty() => Written; on Write(text) => reject format!("`{text}` is nothing"); }
                final Written;
            }
        }
        state Pause {
            history Nap => Sleep;
            initial Sleep;
            on Back => Before;
            state Sleep { always if data.sum > 100 => Dream; on Write(_) => (Shining, Written); }
            state Dream { on Light { .. } => Nap; }
        }
        final Over;
        limit 10 per 1s on Light;
        migrate { Old => Sleep; }
        prove { always ends; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_with_regions_have_a_text_and_are_read_from_it() {
        let mut desk = Instance::<Desk>::new();
        desk.fire(DeskTrigger::Write("a".to_owned())).expect("it is something");
        let state = desk.state();
        assert_eq!(state, DeskState::Work { lamp: DeskLampState::Off, paper: DeskPaperState::Written });
        assert_eq!(state.to_string(), "Off+Written");
        assert_eq!("Off+Written".parse(), Ok(state));
        for wrong in ["Off", "Written+Off", "Off+Off", "Work", "Off+Written+Sleep", ""] {
            assert!(wrong.parse::<DeskState>().is_err(), "{wrong}");
        }
        assert!(
            state.is_in(DeskNode::Paper) && state.is_in(DeskNode::Written) && !state.is_in(DeskNode::Pause)
        );
        assert_eq!(
            state.path(),
            [DeskNode::Work, DeskNode::Lamp, DeskNode::Off, DeskNode::Paper, DeskNode::Written]
        );
    }
}
