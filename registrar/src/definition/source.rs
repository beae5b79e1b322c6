//! Where an executor's descriptors come from.

use std::time::Duration;

use thiserror::Error;
use tonic::{Status, transport::Channel};

use super::{
    file::{self, FileSource},
    reflection::{self, Bounds},
};

/// A source of descriptors.
pub(super) enum Source {
    /// The running executor.
    Reflection(Channel),
    /// A descriptor-set file.
    File(FileSource),
}

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

/// The encoded `FileDescriptorSet` of a running executor, `http://host:port`, for a person who wants to check it.
pub async fn reflect(uri: &str) -> anyhow::Result<Vec<u8>> {
    let channel = service::grpc::channel(uri, &service::grpc::Connection::default())?;
    Ok(reflection::read(channel, &Bounds::default()).await?)
}

impl Source {
    /// The encoded `FileDescriptorSet`; nothing when it is surely the same as before.
    pub(super) async fn read(&self) -> Result<Option<Vec<u8>>, SourceError> {
        match self {
            Self::Reflection(channel) => reflection::read(channel.clone(), &Bounds::default()).await.map(Some),
            Self::File(file) => Ok(file.read_if_changed().await?),
        }
    }
}
