//! What hosts and servers have used of the cores, as the kernel counts it.
//!
//! The server is whatever else this process has started, and what that has started.

use crate::Failure;
use procfs::process::{Stat, all_processes};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds of cores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) hosts: f64,
    pub(crate) server: f64,
}

impl Cores {
    /// Until now.
    pub(crate) fn now(hosts: &BTreeSet<i32>) -> Result<Self, Failure> {
        let found = all_processes()?.filter_map(|process| process.ok()?.stat().ok());
        let found: BTreeMap<_, _> = found.map(|stat| (stat.pid, stat)).collect();
        let own = i32::try_from(std::process::id())?;
        let mut used = Self { hosts: 0.0, server: 0.0 };
        for (pid, stat) in &found {
            if hosts.contains(pid) {
                used.hosts += seconds(stat);
            } else if *pid != own && descends(&found, *pid, own) {
                used.server += seconds(stat);
            }
        }
        Ok(used)
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { hosts: self.hosts - before.hosts, server: self.server - before.server }
    }
}

/// Its own, and those of its children that have ended.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn seconds(stat: &Stat) -> f64 {
    let ended = u64::try_from(stat.cutime + stat.cstime).unwrap_or_default();
    (stat.utime + stat.stime + ended) as f64 / procfs::ticks_per_second() as f64
}

fn descends(found: &BTreeMap<i32, Stat>, pid: i32, from: i32) -> bool {
    let parent = |pid: &i32| found.get(pid).map(|stat| stat.ppid);
    std::iter::successors(Some(pid), parent).any(|ancestor| ancestor == from)
}
