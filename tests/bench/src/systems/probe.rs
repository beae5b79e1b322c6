//! Waiting until a process listens, and single requests to it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::process::Process;

const PAUSE: Duration = Duration::from_millis(20);
/// 10 s in pauses.
const TRIES: u32 = 500;

/// An address that nobody listens on now.
pub(crate) async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?)
}

/// Waits until GET `path` answers 200 (or, without a path, until a connection is taken).
pub(super) async fn ready(process: &mut Process, address: SocketAddr, path: Option<&str>) -> Result<()> {
    for _ in 0..TRIES {
        process.running()?;
        let ready = match path {
            None => TcpStream::connect(address).await.is_ok(),
            Some(path) => {
                let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
                exchange(address, &request)
                    .await
                    .is_ok_and(|response| response.starts_with("HTTP/1.1 200 "))
            }
        };
        if ready {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    bail!("{} was not ready after 10 s: {}", process.name, process.said())
}

/// Sends a request that closes its connection; the whole response.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
