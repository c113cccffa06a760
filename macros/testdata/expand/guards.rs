state_machine! {
    /// Lets grown-ups in.
    pub machine Gate {
        data Log;
        triggers { Enter { age: u32 }, Ring(u8), Leave }
        initial Outside;
        unhandled ignore;

        state Outside {
            /// Eighteen is grown up.
            on Enter { age } if age >= 18 && !data.full() => Inside;
            on Enter { age: 0 } => reject "babies stay outside";
            on Enter { age } => reject format!("{age} is too young");
            on Ring(_) | Leave => stay;
        }
        state Inside {
            on Leave => Outside;
            ignore Ring;
        }
    }
}
