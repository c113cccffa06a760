//! Appends of one shard as the arrays of one statement.

use crate::rows::{Address, Request, Step};
use crate::tail::Grown;
use statewright::store::StreamId;
use tokio_postgres::types::ToSql;

/// One column for each parameter of `append_many`, one entry for each step.
pub(crate) struct Columns<'a> {
    pub(crate) shard: i16,
    pub(crate) count: i64,
    steps: Vec<(usize, &'a Step)>,
    requests: Vec<i32>,
    tenants: Vec<&'a str>,
    machines: Vec<&'a str>,
    instances: Vec<&'a str>,
    after: Vec<i64>,
    places: Vec<i32>,
    kinds: Vec<&'a str>,
    times: Vec<i64>,
    commands: Vec<&'a str>,
    triggers: Vec<&'a str>,
    from: Vec<&'a str>,
    to: Vec<&'a str>,
    bodies: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    /// Of requests of one shard, each with its number in the batch.
    pub(crate) fn of(shard: i16, requests: &[(usize, &'a Request)]) -> Self {
        let rows = requests.iter().flat_map(|(n, request)| {
            (0_i32..).zip(&request.steps).map(move |(place, step)| (*n, *request, place, step))
        });
        let rows: Vec<(usize, &'a Request, i32, &'a Step)> = rows.collect();
        let addresses = |part: fn(&Address) -> &str| rows.iter().map(|row| part(&row.1.address)).collect();
        let texts = |part: fn(&Step) -> &str| rows.iter().map(|row| part(row.3)).collect();
        Self {
            shard,
            count: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            steps: rows.iter().map(|(n, _, _, step)| (*n, *step)).collect(),
            requests: rows.iter().map(|row| i32::try_from(row.0).unwrap_or(i32::MAX)).collect(),
            tenants: addresses(|address| &address.tenant),
            machines: addresses(|address| &address.machine),
            instances: addresses(|address| &address.instance),
            after: rows.iter().map(|row| row.1.after).collect(),
            places: rows.iter().map(|row| row.2).collect(),
            kinds: texts(|step| step.kind),
            times: rows.iter().map(|row| row.3.at).collect(),
            commands: texts(|step| &step.command),
            triggers: texts(|step| &step.trigger),
            from: texts(|step| &step.from),
            to: texts(|step| &step.to),
            bodies: texts(|step| &step.body),
        }
    }

    /// What was written, when the shard ends at `end` now and of the requests those fit that `fits` says.
    pub(crate) fn grown(&self, end: i64, connects: u64, fits: impl Fn(usize) -> bool) -> Grown {
        let from = end - self.count;
        let written = (from + 1..).zip(&self.steps).filter(|(_, (request, _))| fits(*request));
        let records = written.map(|(position, (_, step))| (position, *step));
        Grown::of(self.shard, (from, end), connects, records)
    }

    /// What each request expects of its stream.
    pub(crate) fn expected(&self) -> impl Iterator<Item = (&'a StreamId, i64)> {
        let steps = self.steps.iter().zip(&self.places).zip(&self.after);
        steps
            .filter(|((_, place), _)| **place == 0)
            .map(|(((_, step), _), after)| (&step.record.stream, *after))
    }

    pub(crate) fn bump(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.shard, &self.count]
    }

    pub(crate) fn append(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.shard,
            &self.requests,
            &self.tenants,
            &self.machines,
            &self.instances,
            &self.after,
            &self.places,
            &self.kinds,
            &self.times,
            &self.commands,
            &self.triggers,
            &self.from,
            &self.to,
            &self.bodies,
        ]
    }
}

/// The parameters of `append_known`.
pub(crate) fn known<'a>(columns: &'a Columns<'_>, end: &'a i64) -> Vec<&'a (dyn ToSql + Sync)> {
    let mut params = columns.append();
    params.push(end);
    params
}

/// The parameters of `append_one`.
pub(crate) fn one<'a>(request: &'a Request, step: &'a Step) -> Vec<&'a (dyn ToSql + Sync)> {
    let Address { shard, tenant, machine, instance } = &*request.address;
    vec![
        shard,
        tenant,
        machine,
        instance,
        &request.after,
        &step.kind,
        &step.at,
        &step.command,
        &step.trigger,
        &step.from,
        &step.to,
        &step.body,
    ]
}
