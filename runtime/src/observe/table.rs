//! Every metric and every span by its name: what code records and what `docs/metrics.md` lists.

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// Grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Many values of which the distribution matters.
    Histogram,
}

/// What its values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricUnit {
    /// A time.
    Seconds,
    /// A number of things.
    Count,
}

/// A metric, as collectors see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// What its values are.
    pub unit: MetricUnit,
    /// The keys of its labels, besides `machine`, which all but those of breakers have. `tenant` stands there only when the
    /// host was built with [`metrics_by_tenant`](crate::host::HostBuilder::metrics_by_tenant).
    pub labels: &'static [&'static str],
    /// What it tells.
    pub meaning: &'static str,
}

/// A span, as subscribers of `tracing` see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SpanName {
    /// Its name.
    pub name: &'static str,
    /// Its level.
    pub level: tracing::Level,
    /// Its fields.
    pub fields: &'static [&'static str],
    /// How long it lasts.
    pub meaning: &'static str,
}

/// Declares the metrics, and the list of all of them.
macro_rules! metrics {
    ($($constant:ident: $kind:ident of $unit:ident, $name:literal, [$($label:literal),*], $meaning:literal;)*) => {
        $(pub(crate) const $constant: Metric = Metric {
            name: $name,
            kind: MetricKind::$kind,
            unit: MetricUnit::$unit,
            labels: &[$($label),*],
            meaning: $meaning,
        };)*

        /// Every metric of this crate.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    STEP: Histogram of Seconds, "statewright_step_seconds", ["tenant", "trigger", "outcome"],
        "From when a trigger is asked to its answer, waiting for limits and in queues counted";
    QUEUE: Histogram of Seconds, "statewright_queue_seconds", ["tenant"],
        "How long a request waited in its instance's queue";
    GROUP: Histogram of Count, "statewright_group_requests", ["tenant"],
        "Requests that were decided together";
    LOAD: Histogram of Seconds, "statewright_load_seconds", ["tenant", "outcome"],
        "Loading an instance that is not in the cache, waiting for `loads_max` counted";
    APPEND: Histogram of Seconds, "statewright_append_seconds", ["tenant", "outcome"],
        "An append, as the host sees it: with the wait for the commit";
    APPEND_STEPS: Histogram of Count, "statewright_append_steps", ["tenant"],
        "Steps in an append";
    CONFLICTS: Counter of Count, "statewright_conflicts_total", ["tenant", "cause"],
        "Groups that were decided again";
    SNAPSHOTS: Counter of Count, "statewright_snapshots_total", ["outcome"],
        "Snapshots that were due";
    CACHED: Gauge of Count, "statewright_cached_instances", [],
        "Instances kept in memory, every 10 s";
    IN_FLIGHT: Gauge of Count, "statewright_in_flight_requests", [],
        "Requests that wait or are decided, every 10 s; `in_flight_max` bounds them";
    QUARANTINED: Gauge of Count, "statewright_quarantined_instances", [],
        "Instances put aside because they cannot be read, every 10 s";
    HOSTS: Gauge of Count, "statewright_hosts", [],
        "Hosts of the machine that live, this one counted, as it sees them";
    LEASES: Gauge of Count, "statewright_leases", ["duty"],
        "Shards that this host has";
    TAKEOVERS: Counter of Count, "statewright_takeovers_total", ["duty", "shard"],
        "Times that this host began to work on a shard";
    WORK_ENDED: Counter of Count, "statewright_work_ended_total", ["duty", "shard", "cause"],
        "Times that its work on a shard ended";
    RENEW: Histogram of Seconds, "statewright_renew_seconds", ["outcome"],
        "A turn of the leases: reading all, and one write for all";
    SKEW: Gauge of Seconds, "statewright_clock_skew_seconds", [],
        "How far the clock of another host is from this one's at least: the largest of those seen last";
    LATE: Gauge of Seconds, "statewright_late_seconds", ["duty"],
        "How long the timer or effect that waits longest should have been done, every 10 s; 0 when none waits";
    TIMER_LATE: Histogram of Seconds, "statewright_timer_late_seconds", ["timer", "outcome"],
        "How long behind its deadline a timer was run";
    WAKES: Counter of Count, "statewright_wakes_total", ["outcome"],
        "Instances that were woken for their timers";
    EFFECT: Histogram of Seconds, "statewright_effect_seconds", ["effect", "outcome"],
        "A try of an effect: how long its handler took";
    DEAD_LETTERS: Counter of Count, "statewright_dead_letters_total", ["effect"],
        "Effects that failed for good";
    LIMIT: Histogram of Seconds, "statewright_limit_wait_seconds", ["limit", "outcome"],
        "How long a trigger that a limit counts waited for its tokens, or to be refused; mostly not at all";
    LIMIT_REFUNDS: Counter of Count, "statewright_limit_refunds_total", ["limit"],
        "Triggers whose tokens were given back because nothing of them was recorded";
    BREAKER: Counter of Count, "statewright_breaker_changes_total", ["breaker", "to"],
        "Times that a breaker came into a state; it has no `machine`";
}

/// Declares the spans, and the list of all of them.
macro_rules! spans {
    ($($constant:ident: $level:ident, $name:literal, [$($field:literal),*], $meaning:literal;)*) => {
        $(#[cfg(feature = "tracing")]
        pub(crate) const $constant: &str = $name;)*

        /// Every span of this crate.
        pub const SPANS: &[SpanName] =
            &[$(SpanName { name: $name, level: tracing::Level::$level, fields: &[$($field),*], meaning: $meaning }),*];
    };
}

spans! {
    FIRE: INFO, "statewright.fire",
        ["machine", "tenant", "instance", "trigger", "command", "correlation", "outcome", "revision"],
        "A call of `fire`, `start` or `delete`, to its answer";
    GROUP_SPAN: DEBUG, "statewright.group", ["machine", "tenant", "instance", "requests"],
        "Work on requests of one instance that are decided together; it follows from their `statewright.fire`";
    LOAD_SPAN: DEBUG, "statewright.load", ["outcome", "revision"],
        "In a group: loading the instance";
    APPEND_SPAN: DEBUG, "statewright.append", ["steps", "outcome"],
        "In a group: the append";
    EFFECT_SPAN: INFO, "statewright.effect",
        ["machine", "tenant", "instance", "effect", "key", "attempt", "outcome"],
        "A try of an effect: its handler runs in it";
    WAKE_SPAN: INFO, "statewright.wake", ["machine", "tenant", "instance", "outcome"],
        "An instance is woken for its timers";
}
