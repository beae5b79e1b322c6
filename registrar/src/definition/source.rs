//! Where an executor's descriptors come from.

use tonic::transport::Channel;

use super::{
    error::SourceError,
    file::FileSource,
    reflection::{self, Bounds},
};

/// A source of descriptors.
pub(super) enum Source {
    /// The running executor.
    Reflection(Channel),
    /// A descriptor-set file.
    File(FileSource),
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
