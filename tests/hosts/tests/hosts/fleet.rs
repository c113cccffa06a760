//! Hosts as processes, and what they say, in the order in which it comes.

use statewright_hosts_tests::place::Place;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A host that says nothing for so long never will.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// How long a shard stays with a host that is dead.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// A host by its number; numbers are not used again.
pub(crate) type Number = usize;

/// What became of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Runs,
    Paused,
    /// It runs again.
    Resumed,
    Killed,
}

/// Hosts on one store.
pub(crate) struct Fleet {
    place: Place,
    bells: u32,
    times: u32,
    hosts: Vec<(Child, Fate)>,
    said: Receiver<(Number, String)>,
    /// Until the last host was started.
    say: Option<Sender<(Number, String)>>,
}

impl Fleet {
    /// So many hosts, each of which begins all bells.
    pub(crate) fn start(place: &Place, hosts: usize, (bells, times): (u32, u32)) -> Self {
        let (say, said) = channel();
        let mut fleet = Self { place: place.clone(), bells, times, hosts: Vec::new(), said, say: Some(say) };
        (0..hosts).for_each(|_| fleet.add());
        fleet
    }

    /// One more.
    pub(crate) fn add(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        command.args([&self.place.url, &self.place.name, &LEASE.as_millis().to_string()]);
        command.args([self.bells.to_string(), self.times.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is built");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (number, say) = (self.hosts.len(), self.say.clone().expect("it goes on"));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if say.send((number, line)).is_err() {
                    break;
                }
            }
        });
        self.hosts.push((child, Fate::Runs));
    }

    /// The next thing that any host says.
    pub(crate) fn next(&self) -> (Number, String) {
        self.said.recv_timeout(SILENCE_MAX).expect("a host goes on")
    }

    /// What is left to be heard of hosts that have ended.
    pub(crate) fn rest(&mut self) -> Vec<(Number, String)> {
        self.say = None;
        self.said.iter().collect()
    }

    pub(crate) fn fates(&self) -> Vec<Fate> {
        self.hosts.iter().map(|(_, fate)| *fate).collect()
    }

    /// One of those that run.
    pub(crate) fn any(&self, rng: &mut fastrand::Rng) -> Number {
        let running: Vec<_> =
            (0..self.hosts.len()).filter(|host| self.hosts[*host].1 == Fate::Runs).collect();
        rng.choice(running).expect("one runs")
    }

    pub(crate) fn kill(&mut self, host: Number) {
        let (child, fate) = &mut self.hosts[host];
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        *fate = Fate::Killed;
    }

    pub(crate) fn pause(&mut self, host: Number) {
        self.signal(host, "STOP", Fate::Paused);
    }

    pub(crate) fn resume(&mut self, host: Number) {
        self.signal(host, "CONT", Fate::Resumed);
    }

    fn signal(&mut self, host: Number, name: &str, becomes: Fate) {
        let (child, fate) = &mut self.hosts[host];
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
        assert!(sent.expect("a shell").success());
        *fate = becomes;
    }

    /// Ends the hosts that run, in order; returns when they have ended.
    pub(crate) fn end(&mut self) {
        for (child, fate) in &mut self.hosts {
            drop(child.stdin.take());
            if *fate != Fate::Killed {
                assert!(child.wait().expect("it runs").success(), "a host has failed");
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for (child, _) in &mut self.hosts {
            // Those that have ended are gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
