//! Hosts as processes, and what they say, in the order in which it comes.

use crate::heard::Heard;
use statewright_hosts_tests::place::Place;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A host that says nothing for so long never will.
const SILENCE_MAX: Duration = Duration::from_mins(3);

/// How long a shard stays with a host that is dead. Longer than the store may need to choose another leader, which a busy machine
/// may make it do: hosts that are alive are to renew their leases in time.
pub(crate) fn lease(place: &Place) -> Duration {
    Duration::from_secs(if place.is_nats() { 12 } else { 3 })
}

/// The same where nobody dies, so that nobody waits for its end.
pub(crate) const LONG_LEASE: Duration = Duration::from_secs(30);

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
    /// It was told to end, and has.
    Ended,
}

/// Which release of the machine a host runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Release {
    First = 1,
    Second = 2,
}

/// How many bells ring, and how often each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peals {
    pub(crate) bells: u32,
    pub(crate) times: u32,
}

impl Peals {
    pub(crate) fn rings(self) -> usize {
        self.bells as usize * self.times as usize
    }
}

/// Hosts on one store.
pub(crate) struct Fleet {
    place: Place,
    peals: Peals,
    lease: Duration,
    hosts: Vec<(Child, Fate)>,
    releases: Vec<Release>,
    said: Receiver<(Number, String)>,
    /// Until the last host was started.
    say: Option<Sender<(Number, String)>>,
}

impl Fleet {
    /// None yet. Each host begins all bells.
    pub(crate) fn new(place: &Place, peals: Peals) -> Self {
        let (say, said) = channel();
        let (lease, place, say) = (lease(place), place.clone(), Some(say));
        Self { place, peals, lease, hosts: Vec::new(), releases: Vec::new(), said, say }
    }

    /// Of hosts that are added from now on.
    pub(crate) fn lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// So many hosts of the first release.
    pub(crate) fn start(place: &Place, hosts: usize, peals: Peals) -> Self {
        Self::new(place, peals).with(hosts)
    }

    /// So many more of the first release.
    pub(crate) fn with(mut self, hosts: usize) -> Self {
        (0..hosts).for_each(|_| self.add(Release::First));
        self
    }

    /// One more.
    pub(crate) fn add(&mut self, release: Release) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        command.arg((release as u8).to_string());
        command.args([&self.place.url, &self.place.name, &self.lease.as_millis().to_string()]);
        command.args([self.peals.bells, self.peals.times].map(|number| number.to_string()));
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
        self.releases.push(release);
    }

    /// The next thing that any host says.
    pub(crate) fn next(&self) -> (Number, String) {
        self.said.recv_timeout(SILENCE_MAX).expect("a host goes on")
    }

    /// Until it is enough.
    pub(crate) fn hear_until(&self, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
        while !enough(heard) {
            let Ok((host, line)) = self.said.recv_timeout(SILENCE_MAX) else {
                let (rings, records, done) = (heard.rang.len(), heard.seen.len(), heard.done.len());
                panic!("no host goes on: {rings} rings, {records} records, {done} bells are done");
            };
            heard.hear(host, &line);
        }
    }

    /// What was said until now.
    pub(crate) fn hear_now(&self, heard: &mut Heard) {
        for (host, line) in self.said.try_iter() {
            heard.hear(host, &line);
        }
    }

    /// What is left to be heard of hosts that have ended.
    pub(crate) fn hear_rest(&mut self, heard: &mut Heard) {
        self.say = None;
        for (host, line) in &self.said {
            heard.hear(host, &line);
        }
    }

    pub(crate) fn releases(&self) -> &[Release] {
        &self.releases
    }

    /// Those of a release that run.
    pub(crate) fn running(&self, release: Release) -> Vec<Number> {
        let runs = |host: &Number| self.hosts[*host].1 == Fate::Runs && self.releases[*host] == release;
        (0..self.hosts.len()).filter(runs).collect()
    }

    /// Has a host look at every bell, or have them rest.
    pub(crate) fn tell(&mut self, host: Number, word: &str) {
        let input = self.hosts[host].0.stdin.as_mut().expect("it was not told to end");
        writeln!(input, "{word}").expect("it runs");
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

    /// Has a host end by itself; returns when it has.
    pub(crate) fn end(&mut self, host: Number) {
        let (child, fate) = &mut self.hosts[host];
        drop(child.stdin.take());
        assert!(child.wait().expect("it runs").success(), "a host has failed");
        *fate = Fate::Ended;
    }

    /// Ends the hosts that run, in order. What became of each before.
    pub(crate) fn end_all(&mut self) -> Vec<Fate> {
        let fates = self.fates();
        for (host, fate) in fates.iter().enumerate() {
            if !matches!(fate, Fate::Killed | Fate::Ended) {
                self.end(host);
            }
        }
        fates
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
