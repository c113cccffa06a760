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
