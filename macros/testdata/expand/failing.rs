state_machine! {
    machine Broken {
        triggers { Go, Back }
        initial A;
        state A { on Go => Bee; }
        state B { on Back => A; }
    }
}
