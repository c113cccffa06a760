state_machine! {
    machine Switch {
        triggers { Flip }
        initial Off;
        state Off { on Flip => On; }
        state On { on Flip => Off; }
    }
}
