//! Names that stand for something else in most modules, and modules in which nothing stands for itself.

mod hidden {
    #![allow(dead_code, non_camel_case_types)]

    pub struct Option;
    pub struct Result;
    pub struct Vec;
    pub struct String;
    pub struct Box;
    pub struct Default;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub trait Into {}
    pub trait From {}
    pub trait Clone {}
    pub mod core {}
    pub mod std {}
    pub mod statewright {}
    pub mod serde {}

    ::statewright::state_machine! {
        pub machine C {
            data u8;
            triggers { Some(u8), None, r#type { r#match: u8 } }
            effects { Box { step: u8 }, r#use }
            initial Option;
            state Option {
                on Some(trigger) if trigger > *data => Ok do Box { step: trigger };
                on None => Result do r#use;
                on Some(_) => reject "too small";
            }
            state Result {
                initial Ok;
                state Ok { on r#type { r#match } if r#match > 0 => Err; on None => stay; }
                state Err { on Some(_) => r#fn; }
            }
            final r#fn;
        }
    }

    ::statewright::state_machine! {
        #[allow(unreachable_state)]
        pub machine Some_ {
            triggers { Some(u8), None, #[internal] Box { step: u8 } }
            initial Option;
            after 5s => Err;
            on None => r#loop;
            parallel Option {
                deep history Vec;
                done => Err;
                region r#type { initial Ok; state Ok { on Some(found) if found > 1 => Into raise Box { step: found }; } final Into; }
                region Result { initial Default; state Default { on Box { step } if step > 0 => From; } final From; }
            }
            state r#loop { always if cx.now() > cx.now() => Vec; every (super::second()) => stay; on Some(_) => Vec; }
            final Err;
        }
    }
}

/// Words of the language are no keywords: they name states, triggers and bindings as well.
mod words {
    #![allow(non_camel_case_types)]

    statewright::state_machine! {
        #[allow(unreachable_state, unused_trigger)]
        pub machine machine {
            triggers { on, done { always: bool }, after(u8), emit, state, version }
            effects { entry { raise: u8 }, exit }
            initial state;
            on emit => data;
            state state {
                initial always;
                entry do entry { raise: 1 };
                on on => on do exit;
                on after(done) if done > 3 => entry do entry { raise: done } raise on;
                on done { always } if always => done;
                on state | version => internal initial;
                state always { on after(7..=9) => exit; }
                state initial { on on => stay; }
            }
            state on { on on => state; on done { .. } => after raise version; }
            state entry { always if state.is_in(machineNode::entry) => event; on _ => stay; }
            state event { on on => parallel; }
            parallel parallel {
                region region { initial history; state history { on done { always } if !always => (history, prove); } }
                region every { initial limit; state limit { on on => stay; } state prove { on on => limit; } }
                done => limit;
                on after(_) => history;
            }
            state exit { on on => entry do exit; }
            state done { on version => version; }
            state after { on version => version; }
            state version { on version => events; }
            state events { on on => data; }
            final data;
        }
    }
}

fn second() -> std::time::Duration {
    std::time::Duration::from_secs(1)
}

mod two {
    use statewright::prelude::*;

    state_machine! {
        machine A {
            triggers { Go }
            initial Here;
            state Here { on Go => There; }
            final There;
        }
    }

    state_machine! {
        machine B {
            triggers { Go }
            initial Here;
            state Here { on Go => There; }
            final There;
        }
    }

    pub fn run() {
        Instance::<A>::new().fire(ATrigger::Go).expect("it goes");
        Instance::<B>::new().fire(BTrigger::Go).expect("it goes");
    }
}

fn main() {
    let mut c = statewright::Instance::<hidden::C>::new();
    c.fire(hidden::CTrigger::Some(2)).expect("larger than the data");
    assert_eq!(c.state(), hidden::CState::Ok);
    c.fire(hidden::CTrigger::r#type { r#match: 1 }).expect("it matches");
    c.fire(hidden::CTrigger::Some(0)).expect("anything does");
    assert_eq!(c.state().to_string(), "fn");
    assert!(c.is_finished());
    let mut some = statewright::Instance::<hidden::Some_>::new();
    let step = some.fire(hidden::Some_Trigger::Some(2)).expect("more than one");
    assert_eq!((step.to, step.arms.len()), (hidden::Some_State::Err, 3));
    two::run();
}
