state_machine! {
    machine Alarm {
        triggers { Smoke, Quiet }
        effects {
            /// Sounds the horn.
            SoundHorn { seconds: u32 },
            Call(String),
            #[unordered]
            Reset,
        }
        initial Calm;
        state Calm { on Smoke => Alert do SoundHorn { seconds: 10 } do Call("112".into()); }
        state Alert {
            entry do Reset, do SoundHorn { seconds: 1 };
            on Quiet => Calm;
        }
    }
}
