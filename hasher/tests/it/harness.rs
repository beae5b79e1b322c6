//! A hasher on ports of the system's choice.

use std::net::SocketAddr;

use harness::Running;
use hasher::{Config, Sockets};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::hasher::v1::hasher_client::HasherClient;
use service::{Parts, Telemetry, grpc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{body::Body, codegen::http, transport::Channel};
use tower::{service_fn, util::BoxCloneService};

type Patient = BoxCloneService<http::Request<Body>, http::Response<hyper::body::Incoming>, hyper::Error>;

/// A running hasher.
pub(crate) struct Hasher {
    grpc: SocketAddr,
    admin: SocketAddr,
    running: Running,
}

impl Hasher {
    pub(crate) async fn start() -> Self {
        Self::start_with("", Telemetry::off()).await
    }

    pub(crate) async fn start_with(toml: &str, telemetry: Telemetry) -> Self {
        let local = [
            ("HASHER__GRPC__LISTEN", "127.0.0.1:0"),
            ("HASHER__ADMIN__LISTEN", "127.0.0.1:0"),
        ];
        let config: Config = service::config::parse(toml, local).unwrap();
        let sockets = Sockets::bind(&config).await.unwrap();
        let (grpc, admin) = (sockets.grpc.local_addr().unwrap(), sockets.admin.local_addr().unwrap());
        let parts = Parts {
            telemetry,
            ..Parts::plain()
        };
        let running = Running::start(parts, |parts| hasher::run(config, sockets, parts));
        Self { grpc, admin, running }
    }

    pub(crate) fn channel(&self) -> Channel {
        grpc::channel(&format!("http://{}", self.grpc), &grpc::Connection::default()).unwrap()
    }

    pub(crate) fn client(&self) -> HasherClient<Channel> {
        HasherClient::new(self.channel()).max_encoding_message_size(usize::MAX)
    }

    /// A client that does not act on `grpc-timeout` itself, as tonic's channel does.
    pub(crate) async fn patient_client(&self) -> HasherClient<Patient> {
        let stream = TcpStream::connect(self.grpc).await.unwrap();
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let origin = format!("http://{}", self.grpc).parse().unwrap();
        let call = service_fn(move |request| sender.clone().send_request(request));
        HasherClient::with_origin(BoxCloneService::new(call), origin)
    }

    /// A GET on the admin port; the whole answer.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Stops it softly and waits for its end.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}
