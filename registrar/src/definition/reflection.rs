//! Descriptors from a running executor, by gRPC server reflection. The executor is not trusted: files, bytes and
//! questions are bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use prost::Message;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorProto;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};

use super::error::SourceError;

/// Both versions have the same messages on the wire; v1alpha is what older servers and some languages still have alone.
const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Services that every server may have, and that are no activities.
const INFRASTRUCTURE: &str = "grpc.";

/// Bounds of what an executor may tell.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) files: usize,
    pub(super) bytes: usize,
    pub(super) questions: usize,
    pub(super) time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            files: 1_000,
            bytes: 8 << 20,
            questions: 1_000,
            time: Duration::from_secs(15),
        }
    }
}

/// All files of an executor's services and what they import, as an encoded `FileDescriptorSet`.
pub(super) async fn read(channel: Channel, bounds: &Bounds) -> Result<Vec<u8>, SourceError> {
    let mut result = Err(SourceError::NoReflection);
    for path in PATHS {
        result = timeout(bounds.time, ask(channel.clone(), path, bounds))
            .await
            .unwrap_or(Err(SourceError::Slow(bounds.time)));
        if !matches!(&result, Err(SourceError::Call(status)) if status.code() == Code::Unimplemented) {
            return result;
        }
    }
    result.map_err(|_| SourceError::NoReflection)
}

async fn ask(channel: Channel, path: &'static str, bounds: &Bounds) -> Result<Vec<u8>, SourceError> {
    let mut talk = Talk::open(channel, path, bounds).await?;
    let mut files = Files {
        bounds,
        bytes: 0,
        found: BTreeMap::new(),
        wanted: BTreeSet::new(),
    };
    for service in talk.services().await? {
        if !service.starts_with(INFRASTRUCTURE) {
            files.add(talk.files(MessageRequest::FileContainingSymbol(service)).await?)?;
        }
    }
    while let Some(name) = files.wanted.pop_first() {
        match talk.files(MessageRequest::FileByFilename(name.clone())).await {
            Ok(more) => files.add(more)?,
            // Some servers don't serve the files that every protobuf runtime has built in.
            Err(error @ SourceError::Refused(_)) => files.add(vec![well_known(&name).ok_or(error)?])?,
            Err(error) => return Err(error),
        }
        if files.missing(&name) {
            return Err(SourceError::Refused(format!(
                "asked for {name}, the server sent other files"
            )));
        }
    }
    Ok(files.into_set())
}

/// One stream of questions and answers.
struct Talk {
    questions: mpsc::Sender<ServerReflectionRequest>,
    answers: Streaming<ServerReflectionResponse>,
    left: usize,
}

impl Talk {
    async fn open(channel: Channel, path: &'static str, bounds: &Bounds) -> Result<Self, SourceError> {
        let (questions, receiver) = mpsc::channel(1);
        let mut grpc = Grpc::new(channel).max_decoding_message_size(bounds.bytes);
        grpc.ready()
            .await
            .map_err(|error| SourceError::Call(Status::from_error(error.into())))?;
        let codec = ProstCodec::default();
        let request = tonic::Request::new(ReceiverStream::new(receiver));
        // Servers may hold back their headers until the first question: it is asked before the answer is awaited.
        questions
            .try_send(question(MessageRequest::ListServices(String::new())))
            .map_err(|_| SourceError::Closed)?;
        let answers = grpc
            .streaming(request, PathAndQuery::from_static(path), codec)
            .await?
            .into_inner();
        Ok(Self {
            questions,
            answers,
            left: bounds.questions,
        })
    }

    /// The answer to the question that opened the stream.
    async fn services(&mut self) -> Result<Vec<String>, SourceError> {
        match self.answer().await? {
            MessageResponse::ListServicesResponse(list) => Ok(list.service.into_iter().map(|one| one.name).collect()),
            other => Err(unexpected(other)),
        }
    }

    async fn files(&mut self, what: MessageRequest) -> Result<Vec<Vec<u8>>, SourceError> {
        self.left = self.left.checked_sub(1).ok_or(SourceError::TooMuch("questions"))?;
        self.questions
            .send(question(what))
            .await
            .map_err(|_| SourceError::Closed)?;
        match self.answer().await? {
            MessageResponse::FileDescriptorResponse(files) => Ok(files.file_descriptor_proto),
            other => Err(unexpected(other)),
        }
    }

    async fn answer(&mut self) -> Result<MessageResponse, SourceError> {
        self.answers
            .message()
            .await?
            .and_then(|answer| answer.message_response)
            .ok_or(SourceError::Closed)
    }
}

fn question(what: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: String::new(),
        message_request: Some(what),
    }
}

fn unexpected(answer: MessageResponse) -> SourceError {
    match answer {
        MessageResponse::ErrorResponse(error) => SourceError::Refused(error.error_message),
        _ => SourceError::Refused("an answer to another question".into()),
    }
}

/// The files found so far, by name; the bytes stay as they came, because decoding would lose the annotations.
struct Files<'a> {
    bounds: &'a Bounds,
    bytes: usize,
    found: BTreeMap<String, Vec<u8>>,
    wanted: BTreeSet<String>,
}

impl Files<'_> {
    fn add(&mut self, files: Vec<Vec<u8>>) -> Result<(), SourceError> {
        for bytes in files {
            let file = FileDescriptorProto::decode(&*bytes).map_err(|_| SourceError::NoDescriptors)?;
            let name = file.name().to_owned();
            self.wanted.remove(&name);
            if self.found.contains_key(&name) {
                continue;
            }
            self.bytes += bytes.len();
            if self.bytes > self.bounds.bytes {
                return Err(SourceError::TooMuch("bytes"));
            }
            if self.found.len() == self.bounds.files {
                return Err(SourceError::TooMuch("files"));
            }
            self.found.insert(name, bytes);
            self.wanted.extend(
                file.dependency
                    .into_iter()
                    .filter(|name| !self.found.contains_key(name)),
            );
        }
        Ok(())
    }

    fn missing(&self, name: &str) -> bool {
        !self.found.contains_key(name)
    }

    fn into_set(self) -> Vec<u8> {
        let mut set = Vec::with_capacity(self.bytes + 8 * self.found.len());
        for file in self.found.into_values() {
            // FileDescriptorSet: repeated FileDescriptorProto file = 1.
            prost::encoding::bytes::encode(1, &file, &mut set);
        }
        set
    }
}

fn well_known(name: &str) -> Option<Vec<u8>> {
    let file = DescriptorPool::global().get_file_by_name(name)?;
    Some(file.file_descriptor_proto().encode_to_vec())
}

#[cfg(test)]
mod tests;
