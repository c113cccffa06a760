//! What a command id stands for that has a record already.

use crate::error::FireError;
use crate::event::UpcastContext;
use crate::host::request::Request;
use crate::host::{Fired, Inner};
use crate::machine::Machine;
use crate::repository::{Origin, decode_events, named_state};
use crate::store::{Kind, Revision, StreamId};
use std::sync::Arc;

/// Answers requests whose command id has a record already, from that record.
pub(in crate::host) async fn answer_again<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
    again: Vec<(Request<M>, Revision)>,
) {
    for (request, revision) in again {
        let reply = recorded(inner, stream, (&request.origin, revision)).await;
        let own = request.tried;
        request.answer(reply.map(|fired| Fired { duplicate: !own, ..fired }));
    }
}

/// The answer of the first time.
pub(in crate::host) async fn recorded<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
    asked: (&Origin, Revision),
) -> Result<Fired<M>, FireError> {
    let (origin, revision) = asked;
    let load = |error| FireError::Load(Arc::new(error));
    let record = inner.repository.record(stream, revision).await.map_err(load)?;
    let step = &record.step;
    if *step.trigger != *origin.trigger {
        let (recorded, asked) = (step.trigger.to_string(), origin.trigger.to_owned());
        let (stream, command) = (stream.clone(), Arc::clone(&step.command));
        return Err(FireError::CommandIdReused { stream, command, revision, recorded, asked });
    }
    if let (Kind::Rejection, Some(rejection)) = (step.kind, &step.body.rejection) {
        let rejection =
            rejection.decode().map_err(|source| FireError::Encode { stream: stream.clone(), source })?;
        return Err(FireError::Rejected(rejection));
    }
    let mut place =
        UpcastContext::new(&stream.tenant, &stream.machine, &stream.instance).at(revision.0, step.at);
    let mut seals = inner.repository.seals_of(stream, [&record]).await.map_err(load)?;
    let events = seals.enter(|| decode_events::<M>(&record, &mut place)).map_err(load)?;
    let from = named_state::<M>(&record, &step.from).map_err(load)?;
    let to = named_state::<M>(&record, &step.to).map_err(load)?;
    Ok(Fired { revision, from, to, events, duplicate: true, ignored: false })
}
