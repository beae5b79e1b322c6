//! The load: connections that post callbacks, each the next one as soon as the last was acknowledged.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{callback::Template, http::frame};

/// Posts jobs `jobs.start .. jobs.end` over `connections`; how many were acknowledged by a 200.
pub(crate) async fn saturate(
    target: SocketAddr,
    template: &Template,
    connections: u32,
    jobs: std::ops::Range<u32>,
) -> Result<u32> {
    let next = Arc::new(AtomicU32::new(jobs.start));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (template, next) = (template.clone(), Arc::clone(&next));
        tasks.spawn(async move { connection(target, template, &next, jobs.end).await });
    }
    let mut acknowledged = 0;
    while let Some(done) = tasks.join_next().await {
        acknowledged += done?.context("posting callbacks")?;
    }
    Ok(acknowledged)
}

async fn connection(target: SocketAddr, mut template: Template, next: &AtomicU32, end: u32) -> io::Result<u32> {
    let mut stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let mut response = Vec::with_capacity(4 * 1024);
    let mut acknowledged = 0;
    loop {
        let job = next.fetch_add(1, Ordering::Relaxed);
        if job >= end {
            return Ok(acknowledged);
        }
        stream.write_all(template.fill(job)).await?;
        response.clear();
        while frame(&response)?.is_none() {
            if stream.read_buf(&mut response).await? == 0 {
                return Err(io::Error::other("the connection was closed"));
            }
        }
        acknowledged += u32::from(accepted(&response));
    }
}

/// Whether it is a 200.
pub(crate) fn accepted(response: &[u8]) -> bool {
    response.starts_with(b"HTTP/1.1 200 ")
}
