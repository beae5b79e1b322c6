//! How long one connection waits for its 200, beside what the disk takes for a record of the same size.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    path::Path,
    time::Duration,
};

use serde::Serialize;

use crate::{callback::Template, clock, http::frame, load::accepted, statistics::percentile};

/// Size of a raw append: about a stored callback.
const RECORD: usize = 1024;
/// Appends and accepts alternate in turns of this many, so that both see the same disk.
const TURN: usize = 50;

/// Milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    /// Append of 1 KB and fdatasync: half of them are faster.
    pub(crate) append_p50: f64,
    pub(crate) append_p99: f64,
    /// POST to 200.
    pub(crate) accept_p50: f64,
    pub(crate) accept_p99: f64,
}

/// Measures both in turns, and says how many callbacks were acknowledged. Blocks.
pub(crate) fn measure(
    target: SocketAddr,
    mut template: Template,
    jobs: Range<u32>,
    folder: &Path,
) -> io::Result<(Latency, u32)> {
    let mut file = File::create(folder.join("append.raw"))?;
    let mut stream = TcpStream::connect(target)?;
    stream.set_nodelay(true)?;
    let (mut appends, mut accepts) = (Vec::new(), Vec::new());
    let mut acknowledged = 0;
    let mut jobs = jobs.peekable();
    while jobs.peek().is_some() {
        let turn: Vec<u32> = jobs.by_ref().take(TURN).collect();
        for _ in &turn {
            appends.push(timed(|| {
                file.write_all(&[b'x'; RECORD])?;
                file.sync_data()
            })?);
        }
        for job in turn {
            let request = template.fill(job);
            accepts.push(timed(|| {
                acknowledged += u32::from(post(&mut stream, request)?);
                Ok(())
            })?);
        }
    }
    let latency = Latency {
        append_p50: percentile(&mut appends, 50),
        append_p99: percentile(&mut appends, 99),
        accept_p50: percentile(&mut accepts, 50),
        accept_p99: percentile(&mut accepts, 99),
    };
    Ok((latency, acknowledged))
}

fn post(stream: &mut TcpStream, request: &[u8]) -> io::Result<bool> {
    stream.write_all(request)?;
    let mut response = Vec::with_capacity(1024);
    let mut chunk = [0; 1024];
    while frame(&response)?.is_none() {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Err(io::Error::other("the connection was closed"));
        }
        response.extend_from_slice(&chunk[..length]);
    }
    Ok(accepted(&response))
}

fn timed(action: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let start = clock::now();
    action()?;
    let took: Duration = start.elapsed();
    Ok(took.as_secs_f64() * 1000.0)
}
