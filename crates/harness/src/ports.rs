//! Ports for programs that are told where to listen.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::Context as _;

/// Below what systems give to outgoing connections: a port that was just free is not taken by one of those.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static TRIED: AtomicU16 = AtomicU16::new(0);

/// Ports that are free, all different, and given to nobody else in this process: a restarted program finds its own again.
///
/// # Errors
///
/// When there are none left.
pub fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any start does: processes should have different ones"
    )]
    let start = (process::id() * 101) as u16;
    let candidates = std::iter::repeat_with(|| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        FIRST + start.wrapping_add(tried) % COUNT
    });
    let free = candidates
        .take(usize::from(COUNT))
        .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let ports: Vec<u16> = free.take(N).collect();
    ports.try_into().ok().context("no free ports")
}
