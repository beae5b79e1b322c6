//! Health and reflection, as probes, registrars and grpcurl use them.

use prost::Message;
use tokio_stream::StreamExt;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

use crate::harness::Hasher;

#[tokio::test]
async fn health_serves_until_the_stop() {
    let hasher = Hasher::start().await;
    let mut client = HealthClient::new(hasher.channel());
    for name in ["", "hasher.v1.Hasher"] {
        let answer = client.check(HealthCheckRequest { service: name.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{name}");
    }
    let unknown = client
        .check(HealthCheckRequest {
            service: "other".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
    hasher.stop().await;
}

/// The file that declares the service, as reflection v1 serves it, and the names of all services.
async fn reflect_v1(hasher: &Hasher) -> (Vec<String>, Vec<u8>) {
    use v1::{
        ServerReflectionRequest as Ask, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let ask = |message| Ask {
        host: String::new(),
        message_request: Some(message),
    };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("hasher.v1.Hasher".into())),
    ];
    let mut client = ServerReflectionClient::new(hasher.channel());
    let mut answers = client
        .server_reflection_info(tokio_stream::iter(questions))
        .await
        .unwrap()
        .into_inner();
    let (mut names, mut file) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer.unwrap().message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => names = list.service.into_iter().map(|s| s.name).collect(),
            MessageResponse::FileDescriptorResponse(mut found) => file = found.file_descriptor_proto.remove(0),
            other => panic!("{other:?}"),
        }
    }
    (names, file)
}

/// The same by v1alpha.
async fn reflect_v1alpha(hasher: &Hasher) -> (Vec<String>, Vec<u8>) {
    use v1alpha::{
        ServerReflectionRequest as Ask, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let ask = |message| Ask {
        host: String::new(),
        message_request: Some(message),
    };
    let questions = [
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("hasher.v1.Hasher".into())),
    ];
    let mut client = ServerReflectionClient::new(hasher.channel());
    let mut answers = client
        .server_reflection_info(tokio_stream::iter(questions))
        .await
        .unwrap()
        .into_inner();
    let (mut names, mut file) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer.unwrap().message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => names = list.service.into_iter().map(|s| s.name).collect(),
            MessageResponse::FileDescriptorResponse(mut found) => file = found.file_descriptor_proto.remove(0),
            other => panic!("{other:?}"),
        }
    }
    (names, file)
}

/// Just enough of `google.protobuf.FileDescriptorProto` to find the annotation, which prost's own type would drop.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<Options>,
}

#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(message, optional, tag = "50771")]
    activity: Option<proto::bizproc::v1::Activity>,
}

#[tokio::test]
async fn both_reflections_show_the_service_with_its_annotations() {
    let hasher = Hasher::start().await;
    let (names, file) = reflect_v1(&hasher).await;
    assert_eq!(
        names,
        [
            "hasher.v1.Hasher",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );
    assert_eq!(reflect_v1alpha(&hasher).await, (names, file.clone()));
    hasher.stop().await;

    let file = File::decode(file.as_slice()).unwrap();
    let activity = file.service[0].method[0].options.clone().unwrap().activity.unwrap();
    assert_eq!(file.service[0].method[0].name, "Md5");
    assert_eq!(activity.code, "md5");
    assert_eq!(activity.name["ru"], "MD5 генератор");
}
