state_machine! {
    pub(crate) machine Account {
        version 3;
        data Balance version 2;
        triggers { Deposit { cents: u64 }, Close }
        events { Deposited, bank::Closed }
        initial Open;
        state Open {
            on Deposit { cents } if cents > 0 => stay emit Deposited { cents, at: cx.now() };
            on Close => Closed emit bank::Closed::new(data);
        }
        final Closed;
    }
}
