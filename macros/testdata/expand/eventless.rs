state_machine! {
    machine Lift {
        data Load;
        triggers { Call }
        initial Idle;
        every 1d => stay;
        state Idle { on Call => Moving; }
        state Moving {
            initial Slow;
            done => Idle;
            after (data.span()) => Idle;
            state Slow { always if data.is_light() => Fast; after 5s if cx.deadline().is_some() => Stopped; }
            state Fast { after 2s => Stopped; }
            final Stopped;
        }
        prove { Moving reaches Idle; }
    }
}
