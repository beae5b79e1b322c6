//! The error table against real servers that misbehave.

use std::{convert::Infallible, time::Duration};

use activity::{Culture, Limits, Set};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::hasher::v1::{
    DigestRequest, DigestResponse, Md5Request, Md5Response,
    hasher_server::{Hasher, HasherServer},
};
use service::{SystemClock, telemetry};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tonic::{Status, transport::server::TcpIncoming};

use super::{Call, Executors, Failure, Kind};
use crate::job::{Job, Millis};

/// For those who never answer.
const SHORT: Duration = Duration::from_millis(300);
/// For those who do, however busy the machine is.
const AMPLE: Duration = Duration::from_mins(1);

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    (listener, uri)
}

fn job() -> Job {
    let body =
        b"workflow_id=65808f8311b626.28237158&code=md5&event_token=a.b&properties[inputString]=x&auth[member_id]=m";
    let Ok(bitrix::post::Post::Callback(callback)) =
        bitrix::post::classify(body, None, &bitrix::form::Limits::default())
    else {
        panic!("a callback")
    };
    let trace = crate::trace::Trace::begin(&service::Telemetry::off());
    Job::of_callback(callback, "demo", "0", Millis(0), trace)
}

/// Calls Md5 at `uri`.
async fn call(uri: &str, response_bytes: usize) -> Result<String, Failure> {
    call_within(AMPLE, uri, response_bytes).await
}

async fn call_within(limit: Duration, uri: &str, response_bytes: usize) -> Result<String, Failure> {
    let set = Set::read(proto::DESCRIPTORS, &Limits::default()).unwrap();
    let job = job();
    let activity = set.find("md5").unwrap();
    let call = Call {
        job: &job,
        activity,
        attempt: 1,
        span: telemetry::span_id(),
        limit,
        response_bytes,
        clock: &SystemClock,
    };
    let request = activity.request(job.properties.values(), &Culture::unset("")).unwrap();
    let executor = Executors::new(8).get(uri);
    let response = call.run(&executor, request).await?;
    Ok(activity.answer(&response).unwrap()["outputString"]
        .as_str()
        .unwrap()
        .to_owned())
}

async fn kind(uri: &str) -> Kind {
    call(uri, 4096).await.unwrap_err().kind
}

const AWAY: Kind = Kind::Away { wait: None };

/// A server that speaks HTTP/2 and answers what it is told.
async fn speaks(respond: fn() -> Response<BoxBody<Bytes, Infallible>>) -> String {
    let (listener, uri) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| async move {
                drop(request.into_body().collect().await);
                Ok::<_, Infallible>(respond())
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    uri
}

/// A gRPC response of these frames.
fn response(status: u16, frames: Vec<Frame<Bytes>>) -> Response<BoxBody<Bytes, Infallible>> {
    let body = StreamBody::new(futures::stream::iter(frames.into_iter().map(Ok)));
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/grpc");
    response.body(BodyExt::boxed(body)).unwrap()
}

fn trailers(pairs: &[(&'static str, &'static str)]) -> Frame<Bytes> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.insert(*name, HeaderValue::from_static(value));
    }
    Frame::trailers(map)
}

fn message(bytes: &'static [u8]) -> Frame<Bytes> {
    let mut framed = vec![0, 0, 0, 0, u8::try_from(bytes.len()).unwrap()];
    framed.extend_from_slice(bytes);
    Frame::data(framed.into())
}

#[tokio::test]
async fn an_answer_is_an_answer() {
    let uri = speaks(|| response(200, vec![message(b"\x0a\x03abc"), trailers(&[("grpc-status", "0")])])).await;
    assert_eq!(call(&uri, 4096).await.unwrap(), "abc");
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, uri) = listen().await;
    drop(listener);
    assert_eq!(kind(&uri).await, AWAY);
}

#[tokio::test]
async fn an_address_that_is_none_is_a_deployment_fault() {
    assert_eq!(kind("ftp://x").await, Kind::Deployment);
}

#[tokio::test]
async fn nobody_answers_the_handshake_in_time() {
    let (_listener, uri) = listen().await;
    let failure = call_within(SHORT, &uri, 4096).await.unwrap_err();
    assert_eq!(failure, Failure::late(SHORT));
}

#[tokio::test]
async fn the_connection_is_cut_during_the_call() {
    let (listener, uri) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The preface, the settings' acknowledgement and the request; then nothing more.
            let mut seen = 0;
            let mut buffer = [0; 4096];
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            drop(tokio::io::AsyncWriteExt::write_all(&mut stream, &settings).await);
            while seen < 250 {
                match stream.read(&mut buffer).await {
                    Ok(bytes) if bytes > 0 => seen += bytes,
                    _ => break,
                }
            }
        }
    });
    assert_eq!(kind(&uri).await, Kind::Broke);
}

#[tokio::test]
async fn trailers_are_missing() {
    let uri = speaks(|| response(200, vec![message(b"\x0a\x03abc")])).await;
    assert_eq!(kind(&uri).await, Kind::Broke);
    let uri = speaks(|| response(200, Vec::new())).await;
    assert_eq!(kind(&uri).await, Kind::Broke);
}

#[tokio::test]
async fn a_proxy_answers_instead() {
    let uri = speaks(|| response(503, vec![Frame::data("<html>no upstream</html>".into())])).await;
    assert_eq!(kind(&uri).await, AWAY);
    let uri = speaks(|| response(404, vec![Frame::data("<html>no route</html>".into())])).await;
    assert_eq!(kind(&uri).await, Kind::Deployment);
    let uri = speaks(|| response(500, vec![Frame::data("<html>oops</html>".into())])).await;
    assert_eq!(kind(&uri).await, Kind::Broke);
}

#[tokio::test]
async fn details_that_are_not_base64_panic_the_client_and_nothing_else() {
    let uri = speaks(|| {
        response(
            200,
            vec![trailers(&[("grpc-status", "3"), ("grpc-status-details-bin", "%%%")])],
        )
    })
    .await;
    let kind = kind(&uri).await;
    assert!(matches!(kind, Kind::Broke | Kind::Business { .. }), "{kind:?}");
}

#[tokio::test]
async fn a_response_that_is_not_the_message_is_our_refusal() {
    let uri = speaks(|| response(200, vec![message(b"\x0a\x7fabc"), trailers(&[("grpc-status", "0")])])).await;
    let failure = call_within(SHORT, &uri, 4096).await.unwrap_err();
    assert!(matches!(failure.kind, Kind::Business { .. }), "{failure:?}");
    assert!(failure.problem.contains("hasher.v1.Md5Response"), "{failure:?}");
}

#[tokio::test]
async fn a_response_that_is_too_large_is_our_refusal() {
    let uri = speaks(|| response(200, vec![message(b"\x0a\x03abc"), trailers(&[("grpc-status", "0")])])).await;
    let failure = call(&uri, 3).await.unwrap_err();
    assert!(matches!(failure.kind, Kind::Business { .. }), "{failure:?}");
}

/// A tonic server whose method does what its text says.
struct Odd;

#[tonic::async_trait]
impl Hasher for Odd {
    async fn md5(&self, _: tonic::Request<Md5Request>) -> Result<tonic::Response<Md5Response>, Status> {
        panic!("on purpose")
    }

    async fn digest(&self, _: tonic::Request<DigestRequest>) -> Result<tonic::Response<DigestResponse>, Status> {
        Err(Status::internal("not called"))
    }
}

/// A tonic server that takes its time.
struct Slow;

#[tonic::async_trait]
impl Hasher for Slow {
    async fn md5(&self, _: tonic::Request<Md5Request>) -> Result<tonic::Response<Md5Response>, Status> {
        std::future::pending().await
    }

    async fn digest(&self, _: tonic::Request<DigestRequest>) -> Result<tonic::Response<DigestResponse>, Status> {
        Err(Status::internal("not called"))
    }
}

async fn serve(hasher: impl Hasher) -> String {
    let (listener, uri) = listen().await;
    let server = tonic::transport::Server::builder().add_service(HasherServer::new(hasher));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    uri
}

#[tokio::test]
async fn an_executor_panics() {
    assert_eq!(kind(&serve(Odd).await).await, Kind::Broke);
}

#[tokio::test]
async fn an_executor_is_too_slow() {
    let failure = call_within(SHORT, &serve(Slow).await, 4096).await.unwrap_err();
    assert_eq!(failure, Failure::late(SHORT));
}

#[tokio::test]
async fn the_method_is_not_there() {
    let uri = speaks(|| {
        response(
            200,
            vec![trailers(&[("grpc-status", "12"), ("grpc-message", "no such method")])],
        )
    })
    .await;
    assert_eq!(kind(&uri).await, Kind::Deployment);
}
