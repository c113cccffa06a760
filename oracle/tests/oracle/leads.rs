//! What a trigger can come to, held against what it came to on random machines.

use crate::{Run, machines};
use statewright::definition::TriggerId;
use statewright::definition::chart::Memory;
use statewright::machine::active;
use statewright::{Instance, Machine};

/// Sequences for each machine.
const SEQUENCES: u64 = 10;

#[derive(Default)]
struct Hold {
    steps: u64,
    /// Accepted steps that were held against all that is possible.
    held: u64,
    /// Places where the definition alone says that a trigger is refused.
    closed: u64,
    bounded: u64,
}

impl Run for Hold {
    fn machine<M: Machine<Data = statewright_oracle::World>>(&mut self, trigger: fn(u16, u8) -> M::Trigger) {
        for seed in 0..SEQUENCES {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut instance = Instance::<M>::new();
            for _ in 0..random.usize(1..12) {
                let (id, n) = (TriggerId(random.u16(0..5)), random.u8(0..9));
                self.step(&mut instance, id, trigger(id.0, n));
            }
        }
    }
}

impl Hold {
    fn step<M: Machine>(&mut self, instance: &mut Instance<M>, id: TriggerId, trigger: M::Trigger) {
        let (configuration, memory) = (active::<M>(instance.state()), memory(instance));
        let from = instance.has_begun().then_some((&configuration, &memory));
        let leads = M::DEFINITION.leads(from, id);
        let at = format!(
            "machine {} of seed {}: {trigger:?} in {:?}",
            M::DEFINITION.machine,
            env!("ORACLE_SEED"),
            instance.state()
        );
        self.steps += 1;
        self.bounded += u64::from(!leads.complete);
        match instance.fire(trigger) {
            Ok(step) if step.ignored => assert!(leads.ignored || !leads.complete, "{at} was ignored"),
            Ok(step) => {
                self.held += u64::from(leads.complete);
                let known = leads.rests.contains(&active::<M>(step.to));
                assert!(known || !leads.complete, "{at} led to {:?}, not to {:?}", step.to, leads.rests);
            }
            Err(_) => self.closed += u64::from(leads.rests.is_empty() && !leads.ignored),
        }
    }
}

fn memory<M: Machine>(instance: &Instance<M>) -> Memory {
    let mut memory = Memory::default();
    for id in M::DEFINITION.ids() {
        if let Some(nodes) = instance.remembered(id) {
            memory.set(id, nodes.iter().copied().collect());
        }
    }
    memory
}

#[test]
fn a_trigger_leads_where_the_definition_says_it_can() {
    let mut hold = Hold::default();
    machines::each(&mut hold);
    let Hold { steps, held, closed, bounded } = hold;
    println!("{steps} steps, {held} held, {closed} closed, {bounded} beyond the bound");
    // These machines run on by themselves far more than any that people write.
    assert!(held > steps / 20 && closed > steps / 20 && bounded < steps * 2 / 3);
}
