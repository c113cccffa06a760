//! What can go wrong between two stores.

use crate::store::{Revision, StoreError, StreamId};

/// Why a copy stopped. What was brought over until then stands, and the call can be made again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The source does not deliver.
    #[error("the source does not deliver")]
    Source(#[source] StoreError),
    /// The target does not take what is brought, or does not answer.
    #[error("the target does not take what is brought")]
    Target(#[source] StoreError),
    /// The target does not take this stream.
    #[error("the target does not take `{stream}` behind revision {after}")]
    Refused {
        /// Whose records.
        stream: StreamId,
        /// Behind which revision.
        after: Revision,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Somebody else writes the stream in the target.
    #[error("`{stream}` in the target is written by somebody else: stop its hosts until the copy is over")]
    Contended {
        /// Which stream.
        stream: StreamId,
    },
    /// The target's record is not the source's, or one of them is not there.
    #[error(
        "revision {revision} of `{stream}` is not the same in both stores: begin with a target that is empty"
    )]
    Differs {
        /// Which stream.
        stream: StreamId,
        /// Which record.
        revision: Revision,
    },
    /// The source's hosts have not begun all effects.
    #[error(
        "effects of `{machine}` are left that no host has begun: let a host of the source run until it has, and shut it down"
    )]
    EffectsLeft {
        /// Which machine.
        machine: String,
    },
    /// The target's personal data stands under another secret.
    #[error(
        "the target has personal data under a secret of its own, so subjects of the source could not be forgotten there: \
         choose a target without personal data"
    )]
    PersonalSecret,
}

impl CopyError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Source(error) | Self::Target(error) | Self::Refused { source: error, .. } => {
                error.is_retryable()
            }
            Self::EffectsLeft { .. } => true,
            Self::Contended { .. } | Self::Differs { .. } | Self::PersonalSecret => false,
        }
    }
}
