//! The caller's deadline.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use tokio::time::Sleep;
use tonic::{Status, body::Body, metadata::MetadataMap};
use tower::{Layer, Service};

const HEADER: &str = "grpc-timeout";
/// How much earlier than its caller the server gives up, so that the answer arrives in time. Tonic's own timer would
/// answer `CANCELLED` at the last moment.
const HEAD_START: Duration = Duration::from_millis(2);

/// How long the caller waits from now on (`grpc-timeout`); `None`: as long as it takes.
///
/// The server ends a call that is over it, but only between polls: work that computes for long checks by itself.
pub fn deadline(metadata: &MetadataMap) -> Option<Duration> {
    parse(metadata.get(HEADER)?.to_str().ok()?)
}

fn of_headers(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(HEADER)?.to_str().ok()?)
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // The gRPC specification: at most 8 digits and a unit.
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Answers `DEADLINE_EXCEEDED` when a call's time is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeadlineLayer;

#[derive(Debug, Clone)]
pub(super) struct Limited<S>(S);

impl<S> Layer<S> for DeadlineLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited(inner)
    }
}

impl<S, B> Service<Request<B>> for Limited<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = LimitedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sleep = of_headers(request.headers())
            .map(|limit| tokio::time::sleep(limit.saturating_sub(HEAD_START.min(limit / 8))));
        LimitedFuture {
            inner: self.0.call(request),
            sleep,
        }
    }
}

pin_project_lite::pin_project! {
    pub(super) struct LimitedFuture<F> {
        #[pin]
        inner: F,
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl<F, E> Future for LimitedFuture<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // The call first: one that answers at once costs no timer.
        if let Poll::Ready(answer) = this.inner.poll(context) {
            return Poll::Ready(answer);
        }
        if this
            .sleep
            .as_pin_mut()
            .is_some_and(|sleep| sleep.poll(context).is_ready())
        {
            let status = Status::deadline_exceeded("the deadline passed before the call was done");
            return Poll::Ready(Ok(status.into_http()));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[test]
    fn timeouts_have_a_unit() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("7n"), Some(Duration::from_nanos(7)));
        for wrong in ["", "5", "S", "-1S", "+1S", "123456789S", "1h", "1\u{e9}"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_over_its_time_is_answered() {
        let stuck =
            service_fn(|_: Request<()>| std::future::pending::<Result<Response<Body>, std::convert::Infallible>>());
        let request = Request::builder().header(HEADER, "5S").body(()).unwrap();
        let answer = DeadlineLayer.layer(stuck).oneshot(request).await.unwrap();
        assert_eq!(
            Status::from_header_map(answer.headers()).unwrap().code(),
            Code::DeadlineExceeded
        );
    }
}
