//! An append, made ready: its messages are written out before anything is sent.

use crate::codec::{DELETED, token, written};
use crate::link::Draft;
use crate::store::NatsStore;
use bytes::Bytes;
use statewright::store::{
    Append, Head, Kind, Outcome, RecordedStep, Revision, Store, StoreError, StreamId, admit,
};

/// Bytes of a message that its headers may take: an expectation, the id of a batch, a number in it.
const HEADERS_MAX: usize = 512;

/// What is to be sent for one append, and sent again if need be.
pub(crate) struct Prepared {
    pub(crate) stream: StreamId,
    pub(crate) subject: String,
    pub(crate) after: Head,
    /// Tells its messages from all others.
    pub(crate) id: String,
    pub(crate) payloads: Vec<Bytes>,
    last: Kind,
}

impl Prepared {
    /// # Errors
    /// What is answered without asking the server.
    pub(crate) fn of(store: &NatsStore, append: &Append) -> Result<Self, Outcome> {
        admit(store.limits(), append).map_err(Outcome::Refused)?;
        if append.after.token & DELETED != 0 {
            return Err(Outcome::Gone);
        }
        let (stream, after) = (append.stream.clone(), append.after);
        let subject = store.subject(&stream).map_err(Outcome::Refused)?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let message =
            |(step, n): (&RecordedStep, usize)| message(store, &id, (append, step), after.revision.plus(n));
        let payloads = append.steps.iter().zip(1..).map(message).collect::<Result<_, _>>();
        let last = append.steps.last().map_or(Kind::Step, |step| step.kind);
        Ok(Self { stream, subject, after, payloads: payloads.map_err(Outcome::Refused)?, id, last })
    }

    /// Its messages; the first says behind what they stand.
    pub(crate) fn drafts(&self) -> impl Iterator<Item = Draft> {
        self.payloads.iter().enumerate().map(|(n, payload)| Draft {
            subject: self.subject.clone(),
            expected: (n == 0).then_some(self.after.token),
            payload: payload.clone(),
        })
    }

    /// The head that it makes, if its last message has this sequence.
    pub(crate) fn head(&self, sequence: u64) -> Head {
        Head { revision: self.after.revision.plus(self.payloads.len()), token: token(self.last, sequence) }
    }
}

fn message(
    store: &NatsStore,
    id: &str,
    (append, step): (&Append, &RecordedStep),
    revision: Revision,
) -> Result<Bytes, StoreError> {
    let payload = written(id, revision, step)
        .map_err(|error| StoreError::Corrupt { store: append.stream.to_string(), what: error.to_string() })?;
    let max = store.payload_max.saturating_sub(HEADERS_MAX);
    if payload.len() > max {
        return Err(StoreError::TooLarge { stream: append.stream.clone(), bytes: payload.len(), max });
    }
    Ok(payload)
}
