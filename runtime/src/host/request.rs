//! One request in an instance's queue.

use super::Fired;
use super::convoy::{Seat, Trip};
use super::hold::Hold;
use crate::error::FireError;
use crate::machine::Machine;
use crate::observe::{Began, Span};
use crate::repository::{Loaded, Origin};
use crate::store::Revision;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// The answer to a request.
pub(crate) type Reply<M> = Result<Fired<M>, FireError>;

/// Looks at the live instance.
pub(crate) type View<M> = Box<dyn FnOnce(Result<&Loaded<M>, FireError>) + Send>;

pub(crate) enum Ask<M: Machine> {
    Fire(M::Trigger),
    Start,
    Delete,
    View(View<M>),
    Wake(oneshot::Sender<Result<Woken, FireError>>),
    Hold(Hold<M>),
}

impl<M: Machine> Ask<M> {
    /// How metrics and spans call it: like its trigger, or like nothing that can be one.
    pub(crate) fn called(&self, trigger: &'static str) -> &'static str {
        match self {
            Self::Fire(_) => trigger,
            Self::Start => "(start)",
            Self::Delete => "(delete)",
            Self::View(_) => "(view)",
            Self::Hold(_) => "(hold)",
            Self::Wake(_) => "(wake)",
        }
    }
}

/// What an instance says whose timers were due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Woken {
    /// Timers that were run.
    pub(crate) ran: usize,
    /// When it is to be woken next.
    pub(crate) next: Option<Timestamp>,
}

/// Who waits for the answer.
pub(crate) enum Waiting<M: Machine> {
    Caller(oneshot::Sender<Reply<M>>),
    Batch(Seat<M>),
}

pub(crate) struct Request<M: Machine> {
    pub(crate) ask: Ask<M>,
    pub(crate) origin: Origin,
    /// Only if the instance is at this revision.
    pub(crate) expect: Option<Revision>,
    /// The time of the step; the host's clock unless the command names one.
    pub(crate) at: Option<Timestamp>,
    /// A refusal is recorded too.
    pub(crate) record_rejection: bool,
    /// Timers and answers of effects are never `Busy` and are taken while the host shuts down.
    pub(crate) reserved: bool,
    /// It was handed to the store and the answer was lost: if its command id is found now, it is its own.
    pub(crate) tried: bool,
    pub(crate) waiting: Option<Waiting<M>>,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// The call that it belongs to.
    pub(crate) span: Span,
    /// Since when it waits.
    pub(crate) queued: Began,
}

impl<M: Machine> Request<M> {
    pub(crate) fn new(ask: Ask<M>, origin: Origin) -> Self {
        Self {
            ask,
            origin,
            expect: None,
            at: None,
            record_rejection: false,
            reserved: false,
            tried: false,
            waiting: None,
            permit: None,
            span: Span::default(),
            queued: Began::default(),
        }
    }

    pub(super) fn is_fired(&self) -> bool {
        matches!(self.ask, Ask::Fire(_))
    }

    /// Its place in the convoy.
    pub(super) fn seat(&self) -> Option<usize> {
        match &self.waiting {
            Some(Waiting::Batch(seat)) => Some(seat.place),
            _ => None,
        }
    }

    pub(super) fn is_hold(&self) -> bool {
        matches!(self.ask, Ask::Hold(_))
    }

    /// The convoy that it belongs to.
    pub(super) fn trip(&self) -> Option<&Arc<Trip<M>>> {
        match &self.waiting {
            Some(Waiting::Batch(seat)) => Some(&seat.trip),
            _ => None,
        }
    }

    /// Answers. Nobody may be waiting any more: what was recorded stays recorded.
    pub(crate) fn answer(self, reply: Reply<M>) {
        match self.ask {
            Ask::View(view) => {
                if let Err(error) = reply {
                    view(Err(error));
                }
            }
            Ask::Wake(waiting) => {
                if let Err(error) = reply {
                    let _ = waiting.send(Err(error));
                }
            }
            Ask::Hold(waiting) => {
                if let Err(error) = reply {
                    let _ = waiting.send(Err(error));
                }
            }
            Ask::Fire(_) | Ask::Start | Ask::Delete => {
                if let Some(waiting) = self.waiting {
                    waiting.answer(reply);
                }
            }
        }
    }
}

impl<M: Machine> Waiting<M> {
    fn answer(self, reply: Reply<M>) {
        match self {
            Self::Caller(sender) => {
                let _ = sender.send(reply);
            }
            Self::Batch(seat) => seat.answer(reply),
        }
    }
}
