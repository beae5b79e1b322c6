use std::time::Duration;

use thiserror::Error;
use tonic::Status;

use super::file;

/// Why descriptors can't be had.
#[derive(Debug, Error)]
pub(super) enum SourceError {
    /// No connection, or the executor refused the call.
    #[error("the executor does not answer: {}", .0.message())]
    Call(#[from] Status),
    /// Neither version of server reflection is there.
    #[error("the executor has no server reflection (v1 or v1alpha): add it, or configure `descriptors` with a file")]
    NoReflection,
    /// The stream ended before all was told.
    #[error("the executor's reflection ended early")]
    Closed,
    /// The reflection said no.
    #[error("the executor's reflection refuses: {0}")]
    Refused(String),
    /// It took too long.
    #[error("the executor's reflection took longer than {0:?}")]
    Slow(Duration),
    /// A bound was met.
    #[error("the executor's reflection has too many {0}")]
    TooMuch(&'static str),
    /// What came is no descriptor.
    #[error("the executor's reflection sent something that is no file descriptor")]
    NoDescriptors,
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] file::FileError),
}
