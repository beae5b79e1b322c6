//! The binary: command line, configuration, signals, exit codes, traces over the wire.

use std::{
    convert::Infallible,
    process::{Output, Stdio},
    time::Duration,
};

use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::hasher::v1::{Md5Request, hasher_client::HasherClient};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};
use tonic::{body::Body, codegen::http};

use crate::otlp;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hasher"));
    command
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command()
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[tokio::test]
async fn the_command_line_explains_itself() {
    let (code, version, _) = run(&["--version"], &[]).await;
    assert_eq!((code, version.split(' ').next().unwrap()), (0, "hasher"));
    let (code, help, _) = run(&["--help"], &[]).await;
    assert!(code == 0 && help.contains("--config <FILE>"), "{help}");
    let (code, default, _) = run(&["config"], &[]).await;
    assert_eq!((code, default.as_str()), (0, include_str!("../../hasher.toml")));
    let (code, _, error) = run(&["--confg", "x"], &[]).await;
    assert!(code == 64 && error.contains("--confg"), "{code} {error}");
}

#[tokio::test]
async fn a_wrong_configuration_is_one_line_and_64() {
    let (code, _, error) = run(&[], &[("HASHER__GRPC__PORT", "50051")]).await;
    assert_eq!(
        (code, error.as_str()),
        (
            64,
            "hasher: configuration: `hasher.grpc.port` (environment variable HASHER__GRPC__PORT): no such key: `port`, \
             expected `listen`\n"
        )
    );
    let (code, _, error) = run(&["--config", "/nowhere.toml"], &[]).await;
    assert_eq!((code, error.lines().count()), (64, 1), "{error}");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    let (code, _, error) = run(&[], &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke")]).await;
    assert_eq!(
        (code, error.as_str()),
        (
            64,
            "hasher: OTEL_EXPORTER_OTLP_PROTOCOL is `smoke`: write `grpc` or `http/protobuf`\n"
        )
    );
}

#[tokio::test]
async fn a_busy_port_ends_it_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, _, error) = run(
        &[],
        &[("HASHER__GRPC__LISTEN", &taken.local_addr().unwrap().to_string())],
    )
    .await;
    assert!(code == 1 && error.contains("(hasher.grpc.listen)"), "{code} {error}");
}

/// A running binary.
struct Running {
    child: Child,
    log: UnboundedReceiver<String>,
    address: String,
}

impl Running {
    /// Starts it and waits for the line of the log that tells its address.
    async fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = command()
            .envs([
                ("HASHER__GRPC__LISTEN", "127.0.0.1:0"),
                ("HASHER__ADMIN__LISTEN", "127.0.0.1:0"),
            ])
            .envs(variables.iter().copied())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send(line).unwrap();
            }
        });
        let mut running = Self {
            child,
            log,
            address: String::new(),
        };
        let line = running.logged(r#""grpc":""#).await;
        line.split('"').next().unwrap().clone_into(&mut running.address);
        running
    }

    /// Waits for a line with `text`; what follows the text.
    async fn logged(&mut self, text: &str) -> String {
        loop {
            let line = self.log.recv().await.expect(text);
            if let Some((_, rest)) = line.split_once(text) {
                return rest.to_owned();
            }
        }
    }

    async fn call(&self) {
        let mut client = HasherClient::connect(format!("http://{}", self.address)).await.unwrap();
        client.md5(Md5Request::default()).await.unwrap();
    }

    /// A call whose request never ends, with a `grpc-timeout`; the server has it when this returns.
    async fn call_without_end(
        &self,
        timeout: &str,
    ) -> impl Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>> + use<> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let mut send = |path: &str, body| {
            let request = http::Request::post(format!("http://localhost/{path}"))
                .header("content-type", "application/grpc")
                .header("grpc-timeout", timeout);
            sender.send_request(request.body(body).unwrap())
        };
        let unfinished = StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let stuck = send("hasher.v1.Hasher/Md5", Body::new(unfinished));
        // Later on the same connection: answered when the server has both.
        send("hasher.v1.Hasher/Nothing", Body::empty()).await.unwrap();
        stuck
    }

    async fn signal(&self) {
        let kill = format!("kill -TERM {}", self.child.id().unwrap());
        assert!(
            Command::new("/bin/sh")
                .args(["-c", &kill])
                .status()
                .await
                .unwrap()
                .success()
        );
    }

    async fn exit_code(mut self) -> i32 {
        self.child.wait().await.unwrap().code().unwrap()
    }

    async fn terminate(self) -> i32 {
        self.signal().await;
        self.exit_code().await
    }
}

#[tokio::test]
async fn sigterm_ends_it_softly() {
    let running = Running::start(&[]).await;
    running.call().await;
    assert_eq!(running.terminate().await, 0);
}

#[tokio::test]
async fn a_call_in_flight_holds_up_the_end_until_a_second_signal() {
    let mut running = Running::start(&[]).await;
    let stuck = running.call_without_end("1H").await;
    running.signal().await;
    running.logged(r#""signal":"SIGTERM","again":false"#).await;
    running.signal().await;
    running.logged("stopped by force before all work was done").await;
    assert_eq!(running.exit_code().await, 1);
    stuck.await.unwrap_err();
}

#[tokio::test]
async fn a_call_over_its_deadline_is_answered_as_such() {
    let running = Running::start(&[]).await;
    let answer = running.call_without_end("50m").await.await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "4");
    assert_eq!(running.terminate().await, 0);
}

#[tokio::test]
async fn a_drain_has_a_limit() {
    let mut running = Running::start(&[("HASHER__DRAIN_LIMIT", "10ms")]).await;
    let stuck = running.call_without_end("1H").await;
    running.signal().await;
    running
        .logged("work was still going on 10ms after the stop began")
        .await;
    assert_eq!(running.exit_code().await, 1);
    stuck.await.unwrap_err();
}

#[tokio::test]
async fn spans_reach_an_otlp_endpoint_before_it_ends() {
    let (http, mut of_http) = otlp::http().await;
    let (grpc, mut of_grpc) = otlp::grpc().await;
    for (endpoint, protocol, requests) in [(http, "http/protobuf", &mut of_http), (grpc, "grpc", &mut of_grpc)] {
        let otlp = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=not%20told"),
            // Plain HTTP does not go by a proxy, which would read the key.
            ("HTTP_PROXY", "http://127.0.0.1:9"),
        ];
        let running = Running::start(&otlp).await;
        running.call().await;
        assert_eq!(running.terminate().await, 0);
        let (request, key) = requests.try_recv().expect(protocol);
        assert_eq!(key, "not told");
        let of_service = &request.resource_spans[0];
        let service = of_service
            .resource
            .as_ref()
            .unwrap()
            .attributes
            .iter()
            .find(|pair| pair.key == "service.name");
        assert!(
            format!("{service:?}").contains(r#"StringValue("hasher")"#),
            "{service:?}"
        );
        assert_eq!(of_service.scope_spans[0].spans[0].name, "hasher.v1.Hasher/Md5");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_away_stops_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut running = Running::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{free}"))]).await;
    running.call().await;
    running.signal().await;
    running.logged("spans cannot be sent").await;
    assert_eq!(running.exit_code().await, 0);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = command()
        .envs([
            ("HASHER__GRPC__LISTEN", free.to_string()),
            ("HASHER__ADMIN__LISTEN", "127.0.0.1:0".into()),
        ])
        .stderr(full)
        .spawn()
        .unwrap();
    let mut running = Running {
        child,
        log: unbounded_channel().1,
        address: free.to_string(),
    };
    while TcpStream::connect(free).await.is_err() {
        assert_eq!(running.child.try_wait().unwrap(), None);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    running.call().await;
    assert_eq!(running.terminate().await, 0);
}
