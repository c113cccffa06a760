//! Which instances are asked.

use std::str::FromStr;

/// How callers choose among the instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Load {
    /// Each host is asked for instances of its own: callers know where to go.
    Routed,
    /// Any host is asked for any instance.
    Spread,
    /// Any host is asked for any of ten.
    Ten,
    /// All ask for the same one.
    One,
}

/// Instances that there are when they are spread.
const INSTANCES: usize = 1_000;

impl Load {
    pub(crate) const ALL: [Self; 4] = [Self::Routed, Self::Spread, Self::Ten, Self::One];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Routed => "1,000 instances, each at one host",
            Self::Spread => "1,000 instances, each at any host",
            Self::Ten => "ten instances, each at any host",
            Self::One => "one instance, at any host",
        }
    }

    /// As it is told to a host.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Spread => "spread",
            Self::Ten => "ten",
            Self::One => "one",
        }
    }

    /// The instances that a host is asked for, which is the `place`th of `hosts`.
    pub(crate) fn instances(self, place: usize, hosts: usize) -> Vec<String> {
        let (first, step, end) = match self {
            Self::Routed => (place, hosts, INSTANCES),
            Self::Spread => (0, 1, INSTANCES),
            Self::Ten => (0, 1, 10),
            Self::One => (0, 1, 1),
        };
        (first..end).step_by(step).map(|n| format!("counter-{n}")).collect()
    }
}

impl FromStr for Load {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|load| load.word() == word)
            .ok_or_else(|| format!("no load is called `{word}`"))
    }
}
