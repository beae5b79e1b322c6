use std::{pin::Pin, sync::Arc};

use futures::Stream;
use tokio::net::TcpListener;
use tokio_stream::{StreamExt, wrappers::TcpListenerStream};
use tonic::{Request, Response, transport::Server};
use tonic_reflection::pb::v1::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServiceResponse,
    server_reflection_server::{ServerReflection, ServerReflectionServer},
};

use super::*;

/// A reflection server whose answers a test decides.
#[derive(Clone)]
struct Scripted(Arc<dyn Fn(MessageRequest) -> MessageResponse + Send + Sync>);

#[tonic::async_trait]
impl ServerReflection for Scripted {
    type ServerReflectionInfoStream = Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let answer = self.0.clone();
        let answers = request.into_inner().map(move |question| {
            let message_response = Some(answer(question?.message_request.unwrap()));
            Ok(ServerReflectionResponse {
                message_response,
                ..ServerReflectionResponse::default()
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

async fn channel(routes: tonic::service::Routes) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    service::grpc::channel(&address, &service::grpc::Connection::default()).unwrap()
}

async fn scripted(answer: impl Fn(MessageRequest) -> MessageResponse + Send + Sync + 'static) -> Channel {
    let service = ServerReflectionServer::new(Scripted(Arc::new(answer)));
    channel(tonic::service::Routes::new(service)).await
}

fn services(names: &[&str]) -> MessageResponse {
    let service = names
        .iter()
        .map(|name| ServiceResponse { name: (*name).into() })
        .collect();
    MessageResponse::ListServicesResponse(ListServiceResponse { service })
}

fn file(name: &str, imports: &[&str]) -> MessageResponse {
    let file = FileDescriptorProto {
        name: Some(name.into()),
        dependency: imports.iter().map(ToString::to_string).collect(),
        ..FileDescriptorProto::default()
    };
    MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: vec![file.encode_to_vec()],
    })
}

fn refusal() -> MessageResponse {
    let error_message = "no such file".into();
    MessageResponse::ErrorResponse(ErrorResponse {
        error_code: 5,
        error_message,
    })
}

/// Names of the files in a set.
fn names(set: &[u8]) -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(set).unwrap();
    set.file.into_iter().map(|file| file.name.unwrap()).collect()
}

fn builder() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(proto::DESCRIPTORS)
}

#[tokio::test]
async fn both_versions_tell_the_same_with_the_annotations() {
    let current = tonic::service::Routes::new(builder().build_v1().unwrap());
    let old = tonic::service::Routes::new(builder().build_v1alpha().unwrap());
    let mut sets = Vec::new();
    for routes in [current, old] {
        let set = read(channel(routes).await, &Bounds::default()).await.unwrap();
        let set = activity::Set::read(&set, &activity::Limits::default()).unwrap();
        assert!(set.find("md5").is_some());
        sets.push(set.revision());
    }
    assert_eq!(sets[0], sets[1]);
    let file = activity::Set::read(proto::DESCRIPTORS, &activity::Limits::default()).unwrap();
    assert_eq!(sets[0], file.revision(), "however they came");
}

#[tokio::test]
async fn a_server_without_reflection_is_told_so() {
    let (_, health) = tonic_health::server::health_reporter();
    let error = read(channel(tonic::service::Routes::new(health)).await, &Bounds::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no server reflection"), "{error}");
}

#[tokio::test]
async fn imports_are_followed_once_each_and_the_built_in_ones_are_known() {
    let channel = scripted(|question| match question {
        MessageRequest::ListServices(_) => services(&["grpc.health.v1.Health", "a.A", "b.B"]),
        MessageRequest::FileContainingSymbol(name) if name == "a.A" => file("a.proto", &["c.proto"]),
        MessageRequest::FileContainingSymbol(name) if name == "b.B" => file("b.proto", &["a.proto", "c.proto"]),
        MessageRequest::FileByFilename(name) if name == "c.proto" => file(&name, &["google/protobuf/duration.proto"]),
        MessageRequest::FileByFilename(_) => refusal(),
        other => panic!("{other:?} was none of the registrar's business"),
    });
    let set = read(channel.await, &Bounds::default()).await.unwrap();
    assert_eq!(
        names(&set),
        ["a.proto", "b.proto", "c.proto", "google/protobuf/duration.proto"]
    );
}

#[tokio::test]
async fn what_an_executor_tells_is_bounded() {
    let endless = |question| match question {
        MessageRequest::ListServices(_) => services(&["a.A"]),
        MessageRequest::FileContainingSymbol(_) => file("0.proto", &["1.proto"]),
        MessageRequest::FileByFilename(name) => {
            let number: usize = name.trim_end_matches(".proto").parse().unwrap();
            file(&name, &[&format!("{}.proto", number + 1)])
        }
        _ => refusal(),
    };
    for (bounds, what) in [
        (
            Bounds {
                files: 10,
                ..Bounds::default()
            },
            "files",
        ),
        (
            Bounds {
                bytes: 1_000,
                ..Bounds::default()
            },
            "bytes",
        ),
        (
            Bounds {
                questions: 10,
                ..Bounds::default()
            },
            "questions",
        ),
    ] {
        let error = read(scripted(endless).await, &bounds).await.unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
    let huge = scripted(|question| match question {
        MessageRequest::ListServices(_) => services(&["a.A"]),
        _ => file(&"x".repeat(20_000), &[]),
    });
    let bounds = Bounds {
        bytes: 10_000,
        ..Bounds::default()
    };
    assert!(
        matches!(read(huge.await, &bounds).await, Err(SourceError::Call(_))),
        "the message itself is too large"
    );
}

#[tokio::test]
async fn nonsense_is_an_error() {
    type Answer = fn(MessageRequest) -> MessageResponse;
    let cases: [(&str, Answer); 4] = [
        ("refuses: no such file", |question| match question {
            MessageRequest::ListServices(_) => services(&["a.A"]),
            _ => refusal(),
        }),
        ("other files", |question| match question {
            MessageRequest::ListServices(_) => services(&["a.A"]),
            MessageRequest::FileContainingSymbol(_) => file("a.proto", &["b.proto"]),
            _ => file("c.proto", &[]),
        }),
        ("another question", |_| services(&["a.A"])),
        ("no file descriptor", |question| match question {
            MessageRequest::ListServices(_) => services(&["a.A"]),
            _ => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                file_descriptor_proto: vec![vec![0xff]],
            }),
        }),
    ];
    for (part, answer) in cases {
        let error = read(scripted(answer).await, &Bounds::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let channel = service::grpc::channel(&address, &service::grpc::Connection::default()).unwrap();
    let bounds = Bounds {
        time: Duration::from_millis(50),
        ..Bounds::default()
    };
    let error = read(channel, &bounds).await.unwrap_err();
    assert!(matches!(error, SourceError::Slow(_)), "{error}");
}
