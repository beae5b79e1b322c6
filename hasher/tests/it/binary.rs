//! The binary: command line, configuration, signals, exit codes, traces over the wire.

use std::process::{Output, Stdio};

use proto::hasher::v1::{Md5Request, hasher_client::HasherClient};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

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

/// Starts it and waits for the line of the log that tells its address.
async fn start(variables: &[(&str, &str)]) -> (Child, String) {
    let mut child = command()
        .envs([
            ("HASHER__GRPC__LISTEN", "127.0.0.1:0"),
            ("HASHER__ADMIN__LISTEN", "127.0.0.1:0"),
        ])
        .envs(variables.iter().copied())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it says where it listens");
        if let Some((_, rest)) = line.split_once(r#""grpc":""#) {
            break rest.split_once('"').unwrap().0.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, format!("http://{address}"))
}

async fn terminate(mut child: Child) -> i32 {
    let kill = format!("kill -TERM {}", child.id().unwrap());
    assert!(
        Command::new("/bin/sh")
            .args(["-c", &kill])
            .status()
            .await
            .unwrap()
            .success()
    );
    child.wait().await.unwrap().code().unwrap()
}

async fn call(address: String) {
    let mut client = HasherClient::connect(address).await.unwrap();
    client.md5(Md5Request::default()).await.unwrap();
}

#[tokio::test]
async fn sigterm_ends_it_softly() {
    let (child, address) = start(&[]).await;
    call(address).await;
    assert_eq!(terminate(child).await, 0);
}

#[tokio::test]
async fn spans_reach_an_otlp_endpoint_before_it_ends() {
    let (http, mut of_http) = otlp::http().await;
    let (grpc, mut of_grpc) = otlp::grpc().await;
    for (endpoint, protocol, requests) in [(http, "http/protobuf", &mut of_http), (grpc, "grpc", &mut of_grpc)] {
        let (child, address) = start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ])
        .await;
        call(address).await;
        assert_eq!(terminate(child).await, 0);
        let request = requests.try_recv().expect(protocol);
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
    let (child, address) = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{free}"))]).await;
    call(address).await;
    assert_eq!(terminate(child).await, 0);
}
