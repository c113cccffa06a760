//! What a check comes to.

use super::{Finding, Verdict};
use crate::definition::Definition;
use serde::Serialize;
use std::fmt;
use std::process::ExitCode;

/// Findings that a report keeps; the others are counted.
const FINDINGS_MAX: usize = 100;

/// Counts of instances, and the first that are not the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The machine.
    pub machine: String,
    /// Its version in this program.
    pub machine_version: u32,
    /// Instances looked at: the sum of all that follow.
    pub checked: u64,
    /// They load, and every step would be decided as it was.
    pub same: u64,
    /// A step would lead elsewhere, or emit other events.
    pub other_target: u64,
    /// A trigger that was accepted would be rejected.
    pub not_accepted: u64,
    /// A record cannot be read.
    pub undecodable: u64,
    /// A record names a state that the machine does not have.
    pub state_gone: u64,
    /// The first that are not the same, at most 100.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(definition: &Definition) -> Self {
        Self {
            machine: definition.machine.to_owned(),
            machine_version: definition.version,
            checked: 0,
            same: 0,
            other_target: 0,
            not_accepted: 0,
            undecodable: 0,
            state_gone: 0,
            findings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.checked += 1;
        *match finding.verdict {
            Verdict::Same => &mut self.same,
            Verdict::OtherTarget { .. } => &mut self.other_target,
            Verdict::NotAccepted { .. } => &mut self.not_accepted,
            Verdict::Undecodable { .. } => &mut self.undecodable,
            Verdict::StateGone { .. } => &mut self.state_gone,
        } += 1;
        if finding.verdict != Verdict::Same && self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Whether all that was looked at is the same.
    pub fn is_same(&self) -> bool {
        self.same == self.checked
    }

    /// For a program that runs in CI: 0 when all is the same, 1 when something is not, 2 when no instance was looked
    /// at.
    pub fn exit_code(&self) -> ExitCode {
        match self.checked {
            0 => ExitCode::from(2),
            _ => ExitCode::from(u8::from(!self.is_same())),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, machine_version, checked, same, other_target, .. } = self;
        let Self { not_accepted, undecodable, state_gone, findings, .. } = self;
        write!(
            f,
            "{checked} instances of `{machine}` against version {machine_version}: {same} same, {other_target} other target, {not_accepted} not accepted, {undecodable} undecodable, {state_gone} state gone"
        )?;
        for finding in findings {
            write!(f, "\n{finding}")?;
        }
        match (checked - same).saturating_sub(findings.len() as u64) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
