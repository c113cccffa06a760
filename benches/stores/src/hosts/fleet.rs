//! The hosts, from outside: started, told what to do, killed.

use super::host::HOST;
use super::load::Load;
use super::meter::Counted;
use crate::Failure;
use statewright_hosts_tests::place::Place;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Hosts that have not found each other by then never will.
const SETTLE_MAX: Duration = Duration::from_mins(1);

struct Member {
    child: Child,
    tell: Option<ChildStdin>,
    says: Lines<BufReader<ChildStdout>>,
    id: String,
}

/// Those of one store.
pub(crate) struct Fleet(Vec<Member>);

/// What all hosts have done together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) steps: u64,
    pub(crate) contended: u64,
    pub(crate) counted: Counted,
}

impl Fleet {
    /// When all are there. The first one makes the store.
    pub(crate) fn start(place: &Place, hosts: usize, lease: Option<Duration>) -> Result<Self, Failure> {
        let mut fleet = Self(Vec::new());
        for _ in 0..hosts {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([HOST, &place.url, &place.name]);
            command.args(lease.map(|lease| lease.as_millis().to_string()));
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            let tell = child.stdin.take();
            let says = child.stdout.take().map(BufReader::new).ok_or("it says nothing")?.lines();
            fleet.0.push(Member { child, tell, says, id: String::new() });
            if let Some(member) = fleet.0.last_mut() {
                member.id = member.answer("host")?;
            }
        }
        Ok(fleet)
    }

    pub(crate) fn pids(&self) -> BTreeSet<i32> {
        self.0.iter().filter_map(|member| i32::try_from(member.child.id()).ok()).collect()
    }

    /// All at once, each with so many callers.
    pub(crate) fn drive(&mut self, load: Load, time: Duration, callers: usize) -> Result<Done, Failure> {
        let hosts = self.0.len();
        for (place, member) in self.0.iter_mut().enumerate() {
            member.tell(&format!("drive {} {place} {hosts} {} {callers}", load.word(), time.as_millis()))?;
        }
        let mut sum = Done::default();
        for member in &mut self.0 {
            let done = member.answer("done")?;
            let numbers = done.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
            let [steps, contended, appends, conflicts, again] = numbers[..] else {
                return Err(format!("a host has done `{done}`").into());
            };
            sum.steps += steps;
            sum.contended += contended;
            sum.counted.appends += appends;
            sum.counted.conflicts += conflicts;
            sum.counted.again += again;
        }
        Ok(sum)
    }

    /// Who has the shards of the first instances, as a host that lives sees it.
    pub(crate) fn owners(&mut self) -> Result<Vec<String>, Failure> {
        let first = self.0.first_mut().ok_or("no host lives")?;
        first.tell("owners")?;
        Ok(first.answer("owners")?.split(' ').map(str::to_owned).collect())
    }

    /// When every host has a shard, and every shard a host.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        let ids: BTreeSet<_> = self.0.iter().map(|member| member.id.clone()).collect();
        let began = Instant::now();
        while self.owners()?.into_iter().collect::<BTreeSet<_>>() != ids {
            if began.elapsed() > SETTLE_MAX {
                return Err("the hosts do not share the shards".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// With -9; its id.
    pub(crate) fn kill_last(&mut self) -> Result<String, Failure> {
        let mut member = self.0.pop().ok_or("no host lives")?;
        member.child.kill()?;
        member.child.wait()?;
        Ok(std::mem::take(&mut member.id))
    }

    /// When all have ended by themselves.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        for member in &mut self.0 {
            drop(member.tell.take());
        }
        for member in &mut self.0 {
            if !member.child.wait()?.success() {
                return Err("a host has failed".into());
            }
        }
        Ok(())
    }
}

impl Member {
    fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let tell = self.tell.as_mut().ok_or("it was told to end")?;
        Ok(writeln!(tell, "{line}")?)
    }

    /// What stands behind the word that it is to say next.
    fn answer(&mut self, word: &str) -> Result<String, Failure> {
        let line = self.says.next().ok_or("a host has ended")??;
        let rest = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
        Ok(rest.ok_or_else(|| format!("a host says `{line}`"))?.to_owned())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Those that have ended are gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
