//! Request bodies, with limits for each and for all together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::refusal::Refusal;
use crate::config::Http;

/// How much of a body that is too large is still read, so that the client sees the answer.
const DISCARDED: usize = 64 << 20;
/// A body with fewer bytes must be whole within the time of a head.
const TRICKLE: usize = 16 << 10;

/// Bytes of all bodies in memory.
#[derive(Debug, Clone)]
pub(crate) struct Buffers {
    used: Arc<AtomicUsize>,
    limit: usize,
}

/// A body; its bytes count until it is dropped.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    _share: Share,
}

#[derive(Debug)]
struct Share {
    buffers: Buffers,
    bytes: usize,
}

impl Buffers {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            used: Arc::default(),
            limit,
        }
    }

    /// Reads a body of at most `limit` bytes in time.
    pub(crate) async fn read(&self, mut body: Body, limit: usize, times: &Http) -> Result<Buffered, Refusal> {
        let read = async {
            // A declared length that is too large is refused at once.
            let told = body.size_hint().lower();
            let result = if told > limit as u64 {
                Err(Refusal::TooLarge { limit })
            } else {
                self.collect(&mut body, limit, times).await
            };
            if matches!(result, Err(Refusal::TooLarge { .. })) && told < DISCARDED as u64 {
                discard(&mut body).await;
            }
            result
        };
        tokio::time::timeout(times.body_timeout, read)
            .await
            .unwrap_or(Err(Refusal::Slow))
    }

    async fn collect(&self, body: &mut Body, limit: usize, times: &Http) -> Result<Buffered, Refusal> {
        let mut trickles = std::pin::pin!(tokio::time::sleep(times.head_timeout));
        let mut share = Share {
            buffers: self.clone(),
            bytes: 0,
        };
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        loop {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = trickles.as_mut(), if share.bytes < TRICKLE => return Err(Refusal::Slow),
            };
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else {
                continue;
            };
            if share.bytes + data.len() > limit {
                return Err(Refusal::TooLarge { limit });
            }
            share.grow(data.len())?;
            match &first {
                // Usually there is one frame, which needs no copy.
                None => first = Some(data),
                Some(begin) => {
                    if rest.is_empty() {
                        rest.extend_from_slice(begin);
                    }
                    rest.extend_from_slice(&data);
                }
            }
        }
        let bytes = if rest.is_empty() {
            first.unwrap_or_default()
        } else {
            rest.freeze()
        };
        Ok(Buffered { bytes, _share: share })
    }
}

/// Reads on without keeping anything: a client that is still sending when the connection closes never sees its answer.
async fn discard(body: &mut Body) {
    let mut left = DISCARDED;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(bytes) else { return };
        left = less;
    }
}

impl Share {
    fn grow(&mut self, by: usize) -> Result<(), Refusal> {
        self.bytes += by;
        if self.buffers.used.fetch_add(by, Relaxed) + by > self.buffers.limit {
            return Err(Refusal::Busy);
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.buffers.used.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{StreamExt, stream};
    use tokio::time::{Instant, sleep};

    use super::*;

    async fn read(buffers: &Buffers, body: Body, limit: usize) -> Result<Buffered, Refusal> {
        buffers.read(body, limit, &Http::default()).await
    }

    fn chunks(chunks: &[&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.to_vec()).map(Ok::<_, std::io::Error>))
    }

    #[tokio::test]
    async fn bodies_come_whole() {
        let buffers = Buffers::new(100);
        for parts in [&[][..], &["a=1"], &["a", "=1", "&b=2"]] {
            let body = read(&buffers, chunks(parts), 100).await.unwrap();
            assert_eq!(body.bytes, parts.concat());
        }
        assert_eq!(buffers.used.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn each_has_a_limit_and_all_have() {
        let buffers = Buffers::new(10);
        let too_large = read(&buffers, chunks(&["1234", "56789"]), 8).await.unwrap_err();
        assert!(matches!(too_large, Refusal::TooLarge { limit: 8 }));
        let too_large = read(&buffers, Body::from("123456789"), 8).await.unwrap_err();
        assert!(matches!(too_large, Refusal::TooLarge { limit: 8 }));
        let held = read(&buffers, chunks(&["1234567"]), 8).await.unwrap();
        assert!(matches!(
            read(&buffers, chunks(&["1234567"]), 8).await.unwrap_err(),
            Refusal::Busy
        ));
        drop(held);
        assert!(read(&buffers, chunks(&["1234567"]), 8).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_or_trickles_is_given_up() {
        let piece = |pause, bytes: usize| {
            stream::unfold((), move |()| async move {
                sleep(Duration::from_secs(pause)).await;
                Some((Ok::<_, std::io::Error>(vec![b'a'; bytes]), ()))
            })
        };
        let stuck = Body::from_stream(stream::once(async { Ok::<_, std::io::Error>("a=") }).chain(stream::pending()));
        for (body, seconds) in [
            (stuck, 10),
            (Body::from_stream(piece(1, 1)), 10),
            (Body::from_stream(piece(1, 1600)), 10),
            (Body::from_stream(piece(1, 2000)), 30),
        ] {
            #[expect(clippy::disallowed_methods, reason = "the clock that the test has paused")]
            let begin = Instant::now();
            let buffers = Buffers::new(1 << 20);
            assert!(matches!(read(&buffers, body, 1 << 20).await, Err(Refusal::Slow)));
            assert_eq!(begin.elapsed().as_secs(), seconds);
        }
    }
}
