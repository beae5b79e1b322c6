//! Who sends nothing, or slowly, takes nobody's place.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use harness::until;
use proto::gateway::v1::State;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    harness::{Callback, Gateway, World},
    registrar::APP,
};

/// Where idle and slow connections come from.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
const PORTAL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
const HOUR: Duration = Duration::from_hours(1);

async fn connect(source: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

fn head(world: &World, length: usize, more: &str) -> String {
    format!(
        "POST /bitrix/{APP}/activity/{} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {length}\r\n{more}\r\n",
        world.registrar.revision,
    )
}

/// A request on a connection of its own, and the status of its answer; none: closed without one.
async fn post(world: &World, gateway: &Gateway, source: Ipv4Addr, body: &str, more: &str) -> Option<u16> {
    let mut stream = connect(source, gateway.http).await;
    let request = head(world, body.len(), &format!("connection: close\r\n{more}")) + body;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// What strangers send: nothing, part of a head, part of a body.
fn slow(world: &World, number: usize) -> String {
    match number % 3 {
        0 => String::new(),
        1 => "POST /bitrix/demo/ac".into(),
        _ => head(world, 1000, "") + "event_token=",
    }
}

async fn flood(world: &World, gateway: &Gateway, source: Ipv4Addr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = connect(source, gateway.http).await;
        // It may be closed already.
        let _ = stream.write_all(slow(world, number).as_bytes()).await;
        streams.push(stream);
    }
    streams
}

/// As many as the limit of open files leaves for one process that has both ends.
fn many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let limit: usize = line
        .and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or_default();
    if limit >= 26_000 { 20_000 } else { 4_200 }
}

async fn metric(world: &World, gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.metrics(&world.http).await;
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{name}\n{metrics}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_trickling_connections_of_one_source_cost_nobody_a_callback() {
    let world = World::new().await;
    let mut config = world.config();
    // None goes because its time is over.
    (config.http.head_timeout, config.http.body_timeout) = (HOUR, HOUR);
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    let count = many();
    let mut held = flood(&world, &gateway, STRANGER, count / 2).await;
    let stream_of_callbacks = async {
        for number in 0..50 {
            let callback = Callback::numbered(number, "x").body();
            assert_eq!(post(&world, &gateway, PORTAL, &callback, "").await, Some(200));
        }
    };
    let (rest, ()) = tokio::join!(flood(&world, &gateway, STRANGER, count / 2), stream_of_callbacks);
    held.extend(rest);
    world.portal.calls(50).await;
    until(async || match gateway.jobs(State::Sent).await.len() {
        50 => Ok(()),
        sent => Err(sent),
    })
    .await;
    let open = metric(&world, &gateway, "gateway_connections").await;
    assert!(open <= 1024 + 60, "{open} are open");
    let sent_away = metric(&world, &gateway, "gateway_connections_closed_for_room_total").await
        + metric(&world, &gateway, "gateway_connections_refused_total").await;
    assert!(sent_away >= count as u64 - 1024, "{sent_away} of {count}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_are_taken_those_that_wait_for_their_peer_go() {
    let world = World::new().await;
    let mut config = world.config();
    (config.http.max_connections, config.http.connections_per_source) = (64, 16);
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    let mut held = Vec::new();
    for last in 0..8 {
        held.extend(flood(&world, &gateway, Ipv4Addr::new(127, 0, 1, last), 30).await);
    }
    for number in 0..20 {
        let callback = Callback::numbered(number, "x").body();
        assert_eq!(post(&world, &gateway, PORTAL, &callback, "").await, Some(200));
    }
    world.portal.calls(20).await;
    assert!(metric(&world, &gateway, "gateway_connections").await <= 64);
    drop(held);
}

#[tokio::test]
async fn a_head_has_seconds_and_a_kept_connection_has_more() {
    let world = World::new().await;
    let mut config = world.config();
    config.http.head_timeout = Duration::from_millis(50);
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    for text in ["", "POST /bitrix"] {
        let mut stream = connect(STRANGER, gateway.http).await;
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "closed, without an answer");
    }
    let mut kept = connect(PORTAL, gateway.http).await;
    let body = Callback::new("x").body();
    let request = head(&world, body.len(), "") + &body;
    let mut answered = async |request: &str| {
        kept.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 512];
        let length = kept.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    assert!(answered(&request).await.starts_with("HTTP/1.1 200"));
    // Longer than a head has: those that came after it are gone by then.
    let mut later = connect(STRANGER, gateway.http).await;
    assert_eq!(later.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(answered(&request).await.starts_with("HTTP/1.1 200"));
    assert!(
        answered(&request[..20]).await.is_empty(),
        "the next head has its time, too"
    );
    // A body is as slow as a head may be.
    let mut trickle = connect(STRANGER, gateway.http).await;
    let begin = head(&world, 1000, "") + "event_token=";
    trickle.write_all(begin.as_bytes()).await.unwrap();
    let mut answer = String::new();
    trickle.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn behind_a_proxy_the_source_in_the_header_counts() {
    let world = World::new().await;
    let mut config = world.config();
    config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    config.http.connections_per_source = 2;
    let gateway = Gateway::start(config).await;
    gateway.ready(&world.http).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(STRANGER, gateway.http).await;
        let begin = head(&world, 1000, "x-forwarded-for: 203.0.113.5\r\nexpect: 100-continue\r\n");
        stream.write_all(begin.as_bytes()).await.unwrap();
        // It is asked for the body: it counts by now.
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        held.push(stream);
    }
    let body = Callback::new("x").body();
    let of = async |source: &str| {
        let header = format!("x-forwarded-for: {source}\r\n");
        post(&world, &gateway, STRANGER, &body, &header).await
    };
    assert_eq!(of("203.0.113.5").await, Some(503));
    assert_eq!(
        of("203.0.113.6").await,
        Some(200),
        "the proxy has more connections than one source may"
    );
    drop(held);
    until(async || match of("203.0.113.5").await {
        Some(200) => Ok(()),
        other => Err(other),
    })
    .await;
}
