//! Request bodies, with limits for each and for all together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::refusal::Refusal;

/// How much of a body that is too large is still read, so that the client sees the answer.
const DISCARDED: usize = 64 << 20;

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

    /// Reads a body of at most `limit` bytes within `time`.
    pub(crate) async fn read(&self, mut body: Body, limit: usize, time: Duration) -> Result<Buffered, Refusal> {
        let read = async {
            // A declared length that is too large is refused at once.
            let told = body.size_hint().lower();
            let result = if told > limit as u64 {
                Err(Refusal::TooLarge { limit })
            } else {
                self.collect(&mut body, limit).await
            };
            if matches!(result, Err(Refusal::TooLarge { .. })) && told < DISCARDED as u64 {
                discard(&mut body).await;
            }
            result
        };
        tokio::time::timeout(time, read).await.unwrap_or(Err(Refusal::Slow))
    }

    async fn collect(&self, body: &mut Body, limit: usize) -> Result<Buffered, Refusal> {
        let mut share = Share {
            buffers: self.clone(),
            bytes: 0,
        };
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
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
    use futures::stream;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn chunks(chunks: &[&'static str]) -> Body {
        Body::from_stream(stream::iter(chunks.to_vec()).map(Ok::<_, std::io::Error>))
    }

    use futures::StreamExt;

    #[tokio::test]
    async fn bodies_come_whole() {
        let buffers = Buffers::new(100);
        for parts in [&[][..], &["a=1"], &["a", "=1", "&b=2"]] {
            let body = buffers.read(chunks(parts), 100, LONG).await.unwrap();
            assert_eq!(body.bytes, parts.concat());
        }
        assert_eq!(buffers.used.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn each_has_a_limit_and_all_have() {
        let buffers = Buffers::new(10);
        let too_large = buffers.read(chunks(&["1234", "56789"]), 8, LONG).await.unwrap_err();
        assert!(matches!(too_large, Refusal::TooLarge { limit: 8 }));
        let too_large = buffers.read(Body::from("123456789"), 8, LONG).await.unwrap_err();
        assert!(matches!(too_large, Refusal::TooLarge { limit: 8 }));
        let held = buffers.read(chunks(&["1234567"]), 8, LONG).await.unwrap();
        assert!(matches!(
            buffers.read(chunks(&["1234567"]), 8, LONG).await.unwrap_err(),
            Refusal::Busy
        ));
        drop(held);
        assert!(buffers.read(chunks(&["1234567"]), 8, LONG).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_given_up() {
        let stuck = Body::from_stream(stream::once(async { Ok::<_, std::io::Error>("a=") }).chain(stream::pending()));
        assert!(matches!(
            Buffers::new(10).read(stuck, 10, LONG).await.unwrap_err(),
            Refusal::Slow
        ));
    }
}
