//! OTLP endpoints that keep what they get.

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use prost::Message;
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// A request, and its header `x-key`.
type Kept = (ExportTraceServiceRequest, String);
type Requests = UnboundedReceiver<Kept>;

struct Endpoint(UnboundedSender<Kept>);

#[tonic::async_trait]
impl TraceService for Endpoint {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let key = request.metadata().get("x-key").unwrap().to_str().unwrap().to_owned();
        self.0.send((request.into_inner(), key)).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// An endpoint for `grpc`.
pub(crate) async fn grpc() -> (String, Requests) {
    let (sender, requests) = unbounded_channel();
    let (listener, address) = listen().await;
    let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Endpoint(sender)));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (address, requests)
}

/// An endpoint for `http/protobuf`.
pub(crate) async fn http() -> (String, Requests) {
    let (sender, requests) = unbounded_channel();
    let (listener, address) = listen().await;
    let export = async |State(sender): State<UnboundedSender<Kept>>, headers: HeaderMap, body: Bytes| {
        let key = headers["x-key"].to_str().unwrap().to_owned();
        sender
            .send((ExportTraceServiceRequest::decode(body).unwrap(), key))
            .unwrap();
        ExportTraceServiceResponse::default().encode_to_vec()
    };
    let app = Router::new().route("/v1/traces", post(export)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, requests)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}
