//! What can go wrong inside, apart from portals, OAuth servers and callers.

use service::seal::SealError;
use store::StoreError;
use thiserror::Error;

/// A failure of the registrar itself.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The store can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Credentials can't be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The registrar stops before the work was done.
    #[error("the registrar is stopping")]
    Stopping,
    /// An executor's address can't be used.
    #[error(transparent)]
    Channel(#[from] service::grpc::ChannelError),
}
