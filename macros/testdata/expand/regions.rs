state_machine! {
    machine Play {
        triggers { Go { n: u8 }, Stop, #[internal] Tired }
        initial On;
        parallel On {
            history Was;
            done => Off;
            on Stop => Off;
            region Left {
                initial A;
                state A { on Go { n } if n > 0 => B raise Tired; }
                final B;
            }
            region Right {
                initial C;
                state C { on Go { .. } if state.is_in(PlayNode::B) => reject "no"; on Tired => D; }
                final D;
            }
        }
        state Off { on Go { .. } => Was; on Stop => stay; }
    }
}
