//! Personal data on its way into records and snapshots and out of them. For a machine without any nothing is done here.
//!
//! Keys are fetched before what they open is read, and what lacked a key that had to be made first is written again.

use super::{Loaded, Origin, Repository, encode_step};
use crate::cx::Cx;
use crate::error::{LoadError, chain};
use crate::event::{DecodeError, DecodeReason, Stored, UpcastContext};
use crate::instance::Step;
use crate::machine::{Machine, MachineEvent, is_personal};
use crate::personal::{self, KeysError, Opener, PersonalError, Seals, in_data, in_event, is_unopened};
use crate::store::{Payload, Record, RecordedStep, StoreError, StreamId};
use serde::ser::Error as _;

/// How often something is written until no key is missing: the keys of one writing are all asked for in the one before.
const WRITES_MAX: u32 = 4;

impl<M: Machine> Repository<M> {
    /// The keys that open these records of one instance.
    pub(crate) async fn seals_of<'a>(
        &self,
        stream: &StreamId,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Seals, LoadError> {
        let seals = self.seals_of_page(records).await;
        seals.map_err(|source| LoadError::Store { stream: stream.clone(), source })
    }

    /// The keys that open the events of these records, of many instances.
    pub(crate) async fn seals_of_page<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Seals, StoreError> {
        self.opener().seals(records).await
    }

    /// What opens its records.
    pub(crate) fn opener(&self) -> Opener {
        if is_personal::<M>() { Opener::new(self.keys.clone()) } else { Opener::default() }
    }

    /// The keys that open effects or the data of snapshots.
    pub(crate) async fn seals_of_data<'a>(
        &self,
        stream: &StreamId,
        payloads: impl IntoIterator<Item = &'a Payload>,
    ) -> Result<Seals, StoreError> {
        if !is_personal::<M>() {
            return Ok(Seals::default());
        }
        let payloads = payloads.into_iter().map(|payload| (&stream.tenant, payload.get()));
        let wanted = personal::wanted(payloads);
        personal::seals_for(self.keys.as_ref(), wanted).await
    }

    /// What is known of forgotten subjects now. A copy that was loaded under another one is to be loaded again.
    pub(crate) async fn personal_epoch(&self) -> Result<u64, StoreError> {
        let Some(keys) = self.keys.as_ref().filter(|_| is_personal::<M>()) else { return Ok(0) };
        match keys.refresh().await {
            Err(KeysError::Store(error)) => Err(error),
            // What cannot be opened says so itself.
            Ok(()) | Err(KeysError::Personal(_)) => Ok(keys.epoch()),
        }
    }

    /// Whether no subject is known to be forgotten since a copy was loaded.
    pub(crate) fn is_current(&self, loaded: &Loaded<M>) -> bool {
        let keys = self.keys.as_ref().filter(|_| is_personal::<M>());
        keys.is_none_or(|keys| keys.epoch() == loaded.epoch)
    }

    /// The data of a snapshot, sealed. `None`: it cannot be written, and the snapshot is left out.
    pub(crate) async fn written_data(&self, stream: &StreamId, data: &M::Data) -> Option<Payload> {
        if !is_personal::<M>() {
            return Payload::of(data).ok();
        }
        match self.sealing(|| in_data(stream, || Payload::of(data))).await {
            Ok(Ok(data)) => Some(data),
            Ok(Err(error)) => {
                tracing::warn!(%stream, %error, "a snapshot is left out");
                None
            }
            Err(error) => {
                tracing::warn!(%stream, error = chain(&error), "a snapshot is left out");
                None
            }
        }
    }

    /// The recorded forms of steps. The outer error is a step that cannot be written, the inner one a store that does not
    /// deliver its keys.
    pub(super) async fn encode(
        &self,
        cx: Cx,
        steps: Vec<(Step<M>, Origin)>,
    ) -> Result<Result<Vec<RecordedStep>, StoreError>, serde_json::Error> {
        let write = move || {
            let each = steps.iter().map(|(step, origin)| encode_step::<M>(step, &cx, origin.clone()));
            each.collect::<Result<Vec<_>, _>>()
        };
        if !is_personal::<M>() {
            return write().map(Ok);
        }
        match self.sealing(write).await {
            Ok(written) => written.map(Ok),
            Err(KeysError::Store(error)) => Ok(Err(error)),
            Err(error) => Err(serde_json::Error::custom(chain(&error))),
        }
    }

    async fn sealing<R>(&self, mut write: impl FnMut() -> R + Send) -> Result<R, KeysError> {
        let mut seals = personal::seals_for(self.keys.as_ref(), std::collections::BTreeSet::new()).await?;
        for _ in 0..WRITES_MAX {
            let written = seals.enter(&mut write);
            if !seals.lacks_keys() {
                return Ok(written);
            }
            personal::provide(&mut seals).await?;
        }
        Err(PersonalError::Misfit.into())
    }
}

/// The data of a snapshot, sealed with the keys that are at hand.
pub(crate) fn data_now<M: Machine>(stream: &StreamId, data: &M::Data) -> Option<Payload> {
    if is_personal::<M>() {
        return in_data(stream, || Payload::of(data)).ok();
    }
    Payload::of(data).ok()
}

/// Reads an event with the keys that are at hand.
pub(super) fn decode<M: Machine>(
    stream: &StreamId,
    stored: &Stored<'_>,
    place: &UpcastContext,
    events: &mut Vec<M::Event>,
) -> Result<(), DecodeError> {
    in_event(stream, stored.name, || {
        M::Event::decode(stored, place, events)?;
        if is_unopened() {
            let reason = DecodeReason::Personal { field: "", source: Box::new(PersonalError::Unmarked) };
            return Err(DecodeError::new(stored, place, reason));
        }
        Ok(())
    })
}
