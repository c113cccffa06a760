state_machine! {
    machine Player {
        triggers { Power, Play, Pause, Stop }
        effects { Light { on: bool } }
        initial Off;

        on Power => Off;

        state Off {
            on Power => On;
        }
        state On {
            initial Idle;
            entry do Light { on: true };
            exit do Light { on: false };
            on Stop => Idle;

            state Idle {
                on Play => Playing;
                on Stop => reject "nothing plays";
            }
            state Busy {
                initial Playing;
                state Playing { on Pause => Paused; }
                state Paused { on Play => Playing; }
            }
        }
    }
}
