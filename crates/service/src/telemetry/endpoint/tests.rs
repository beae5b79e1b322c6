use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tonic::{
    Request, Response, Status,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

use super::*;
use crate::telemetry::{SpanId, SpanKind, Telemetry, span_id, trace_id};

fn whole(variables: &[(&str, &str)]) -> Result<Option<Endpoint>, String> {
    let get = |name: &str| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Endpoint::from_variables(get).map_err(|error| error.to_string())
}

fn read(variables: &[(&str, &str)]) -> Result<Option<Protocol>, String> {
    Ok(whole(variables)?.map(|endpoint| endpoint.protocol))
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");

#[test]
fn no_endpoint_means_no_export() {
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&[GRPC]), Ok(None));
    assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(None));
    assert_eq!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
    assert_eq!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
}

#[test]
fn the_protocol_is_http_unless_told() {
    assert_eq!(
        read(&[ENDPOINT]),
        Ok(Some(Protocol::Http("http://collector:4317/v1/traces".into())))
    );
    assert_eq!(
        read(&[ENDPOINT, GRPC]),
        Ok(Some(Protocol::Grpc("http://collector:4317".into())))
    );
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317");
    assert_eq!(
        read(&[ENDPOINT, traces, GRPC]),
        Ok(Some(Protocol::Grpc("http://traces:4317".into())))
    );
    let http = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
    assert_eq!(
        read(&[ENDPOINT, GRPC, http]),
        Ok(Some(Protocol::Http("http://collector:4317/v1/traces".into())))
    );
}

#[test]
fn an_unknown_protocol_is_an_error() {
    let error = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]).unwrap_err();
    assert_eq!(
        error,
        "OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`: write `grpc` or `http/protobuf`"
    );
}

#[test]
fn an_unknown_compression_is_an_error() {
    for known in ["gzip", "NONE", ""] {
        assert!(read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_COMPRESSION", known)]).is_ok());
    }
    let error = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd")]).unwrap_err();
    assert_eq!(
        error,
        "OTEL_EXPORTER_OTLP_COMPRESSION is `zstd`: write `gzip` or `none`"
    );
}

#[test]
fn addresses_headers_and_the_time_limit() {
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/otel/");
    assert_eq!(
        read(&[base]),
        Ok(Some(Protocol::Http("http://collector:4318/otel/v1/traces".into())))
    );
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/in");
    assert_eq!(
        read(&[base, traces]),
        Ok(Some(Protocol::Http("http://traces:4318/in".into())))
    );
    let plain = whole(&[base]).unwrap().unwrap();
    assert_eq!(plain.timeout, Duration::from_secs(10));
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush, x-a = b,");
    let timeout = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1500");
    let told = whole(&[base, headers, timeout]).unwrap().unwrap();
    assert_eq!(told.timeout, Duration::from_millis(1500));
    assert!(!format!("{told:?}").contains("hush"));
    for wrong in ["hush", "a b=hush", "a=hush%0A"] {
        let error = whole(&[base, ("OTEL_EXPORTER_OTLP_HEADERS", wrong)]).unwrap_err();
        assert!(error.contains("name=value") && !error.contains("hush"), "{error}");
    }
}

struct Takes;

#[tonic::async_trait]
impl TraceService for Takes {
    async fn export(
        &self,
        _: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Takes one request over TLS.
async fn take_by_http(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Who does not trust the certificate goes away.
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let _request = stream.read(&mut vec![0; 4096]).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    }
}

/// An exporter by these variables to the address.
fn exporter(address: &str, variables: &[(&str, &str)]) -> SpanExporter {
    let variables = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", address)], variables].concat();
    whole(&variables).unwrap().unwrap().exporter().unwrap()
}

/// Whether an exporter by these variables gets a span to the address.
async fn exports(address: &str, variables: &[(&str, &str)]) -> bool {
    sends(&exporter(address, variables)).await
}

async fn sends(exporter: &SpanExporter) -> bool {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    let ids = (trace_id(), span_id(), SpanId::INVALID);
    let span = Telemetry::off().span_data("x", SpanKind::Internal, ids, (epoch, epoch));
    exporter.export(vec![span]).await.is_ok()
}

#[tokio::test]
async fn a_collectors_own_certificate_is_trusted_when_named() {
    tls::install_provider();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector.pem");
    std::fs::write(&file, signed.cert.pem()).unwrap();
    let certificate = ("OTEL_EXPORTER_OTLP_CERTIFICATE", file.to_str().unwrap());
    let listen = async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        (listener, address)
    };

    let (listener, address) = listen().await;
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key.into())
        .unwrap();
    let http = tokio::spawn(take_by_http(listener, TlsAcceptor::from(std::sync::Arc::new(config))));
    assert!(exports(&address, &[certificate]).await);
    assert!(!exports(&address, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]).await);
    http.abort();

    let (listener, address) = listen().await;
    let identity = Identity::from_pem(signed.cert.pem(), signed.signing_key.serialize_pem());
    let server = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .unwrap()
        .add_service(TraceServiceServer::new(Takes));
    let grpc = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    assert!(exports(&address, &[GRPC, certificate]).await);
    assert!(!exports(&address, &[GRPC, ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]).await);
    grpc.abort();

    let missing = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem");
    let endpoint = whole(&[ENDPOINT, missing]).unwrap().unwrap();
    let error = endpoint.exporter().unwrap_err().to_string();
    assert!(
        error.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE names /no/such/file.pem"),
        "{error}"
    );
}

/// An endpoint that is not reached: its system drops what asks for a connection.
async fn unreachable() -> (TcpListener, Vec<TcpStream>, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // As many as may wait to be accepted; the next one hangs.
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (listener, waiting, format!("http://{address}"))
}

#[tokio::test]
async fn a_connection_that_hangs_ends_with_the_time_limit() {
    tls::install_provider();
    let (_listener, _waiting, address) = unreachable().await;
    let limit = ("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    for variables in [&[limit][..], &[limit, GRPC]] {
        let exported = timeout(Duration::from_secs(5), exports(&address, variables)).await;
        assert_eq!(exported, Ok(false), "{variables:?}");
    }
}

#[tokio::test]
async fn a_peer_that_vanished_is_left_for_another_connection() {
    tls::install_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let exporter = exporter(&address, &[GRPC, ("OTEL_EXPORTER_OTLP_TIMEOUT", "400")]);
    let silent = async { listener.accept().await.unwrap() };
    let (sent, _silent) = tokio::join!(sends(&exporter), silent);
    assert!(!sent);
    let server = Server::builder().add_service(TraceServiceServer::new(Takes));
    let grpc = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    assert!(sends(&exporter).await);
    grpc.abort();
}
