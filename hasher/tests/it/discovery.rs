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

#[tokio::test]
async fn idle_streams_do_not_hold_up_the_stop() {
    let hasher = Hasher::start().await;
    let mut watch = HealthClient::new(hasher.channel())
        .watch(HealthCheckRequest {
            service: "hasher.v1.Hasher".into(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    // A caller who asks nothing and does not hang up.
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(hasher.channel());
    let mut reflection = client
        .server_reflection_info(tokio_stream::pending())
        .await
        .unwrap()
        .into_inner();
    hasher.stop().await;

    let mut last = watch.message().await;
    while let Ok(Some(change)) = last {
        assert_eq!(change.status(), ServingStatus::NotServing);
        last = watch.message().await;
    }
    assert_eq!(last.unwrap_err().code(), tonic::Code::Unavailable);
    assert_eq!(reflection.message().await.unwrap_err().code(), tonic::Code::Unavailable);
}

/// The names of all services, and the files that declare ours and the details of its errors, by reflection v1.
async fn reflect_v1(hasher: &Hasher) -> (Vec<String>, Vec<Vec<u8>>) {
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
        ask(MessageRequest::FileContainingSymbol("google.rpc.BadRequest".into())),
    ];
    let mut client = ServerReflectionClient::new(hasher.channel());
    let mut answers = client
        .server_reflection_info(tokio_stream::iter(questions))
        .await
        .unwrap()
        .into_inner();
    let (mut names, mut files) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer.unwrap().message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => names = list.service.into_iter().map(|s| s.name).collect(),
            MessageResponse::FileDescriptorResponse(found) => files.extend(found.file_descriptor_proto),
            other => panic!("{other:?}"),
        }
    }
    (names, files)
}

/// The same by v1alpha.
async fn reflect_v1alpha(hasher: &Hasher) -> (Vec<String>, Vec<Vec<u8>>) {
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
        ask(MessageRequest::FileContainingSymbol("google.rpc.BadRequest".into())),
    ];
    let mut client = ServerReflectionClient::new(hasher.channel());
    let mut answers = client
        .server_reflection_info(tokio_stream::iter(questions))
        .await
        .unwrap()
        .into_inner();
    let (mut names, mut files) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer.unwrap().message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => names = list.service.into_iter().map(|s| s.name).collect(),
            MessageResponse::FileDescriptorResponse(found) => files.extend(found.file_descriptor_proto),
            other => panic!("{other:?}"),
        }
    }
    (names, files)
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
    let (names, files) = reflect_v1(&hasher).await;
    assert_eq!(
        names,
        [
            "hasher.v1.Hasher",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]
    );
    assert_eq!(reflect_v1alpha(&hasher).await, (names, files.clone()));
    hasher.stop().await;

    assert_eq!(files.len(), 2);
    let file = File::decode(files[0].as_slice()).unwrap();
    let activity = file.service[0].method[0].options.clone().unwrap().activity.unwrap();
    assert_eq!(file.service[0].method[0].name, "Md5");
    assert_eq!(activity.code, "md5");
    assert_eq!(activity.name["ru"], "MD5 генератор");
}
