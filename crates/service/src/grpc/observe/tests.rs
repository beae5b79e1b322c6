use std::{convert::Infallible, future};

use bytes::Bytes;
use tonic::Status;
use tower::{ServiceExt, service_fn};

use super::*;
use crate::{Metrics, SystemClock};

/// A body that gives one frame or an error, or nothing ever.
struct Once(Option<Result<Frame<Bytes>, Status>>);

impl Body for Once {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.take().map_or(Poll::Pending, |frame| Poll::Ready(Some(frame)))
    }
}

/// The status in the span and in the metric of a call with that answer, of which one frame is read.
async fn observed(answer: Option<Response<Once>>) -> (i64, &'static str) {
    let (telemetry, spans) = Telemetry::capture();
    let mut metrics = Metrics::new("test", "0", &telemetry);
    let observer = Observer {
        telemetry,
        clock: SystemClock::shared(),
        calls: Calls::new(&mut metrics),
        logs_traces: false,
    };
    let answer = std::sync::Mutex::new(answer);
    let service = service_fn(move |_: Request<()>| {
        let answer = answer.lock().unwrap().take();
        async {
            match answer {
                Some(answer) => Ok::<_, Infallible>(answer),
                None => future::pending().await,
            }
        }
    });
    let call = ObserveLayer(Arc::new(observer))
        .layer(service)
        .oneshot(Request::get("/a.B/C").body(()).unwrap());
    tokio::select! {
        biased;
        response = call => {
            let mut body = std::pin::pin!(response.unwrap().into_body());
            let mut context = Context::from_waker(std::task::Waker::noop());
            let _frame = body.as_mut().poll_frame(&mut context);
        }
        () = future::ready(()) => {}
    }
    let span = spans.named("a.B/C").unwrap();
    let code = match span.attributes.last().map(|attribute| attribute.value.clone()) {
        Some(opentelemetry::Value::I64(code)) => code,
        other => panic!("{other:?}"),
    };
    let name = super::super::code_name(Code::from(i32::try_from(code).unwrap()));
    let count = format!(r#"grpc_server_seconds_count{{method="a.B/C",code="{name}"}} 1"#);
    assert!(metrics.to_text().contains(&count), "{}", metrics.to_text());
    (code, name)
}

fn trailers(code: &'static str) -> Once {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    Once(Some(Ok(Frame::trailers(trailers))))
}

#[tokio::test]
async fn a_call_ends_with_its_trailers() {
    assert_eq!(observed(Some(Response::new(trailers("0")))).await, (0, "OK"));
    assert_eq!(observed(Some(Response::new(trailers("5")))).await, (5, "NOT_FOUND"));
    assert_eq!(
        observed(Some(Response::new(Once(Some(Err(Status::internal("broken"))))))).await,
        (13, "INTERNAL")
    );
}

#[tokio::test]
async fn a_call_that_fails_at_once_ends_with_its_headers() {
    let answer = Response::builder()
        .header("grpc-status", "16")
        .body(Once(None))
        .unwrap();
    let (telemetry, spans) = Telemetry::capture();
    let mut metrics = Metrics::new("test", "0", &telemetry);
    let observer = Observer {
        telemetry,
        clock: SystemClock::shared(),
        calls: Calls::new(&mut metrics),
        logs_traces: false,
    };
    let answer = std::sync::Mutex::new(Some(answer));
    let service =
        service_fn(move |_: Request<()>| future::ready(Ok::<_, Infallible>(answer.lock().unwrap().take().unwrap())));
    let layered = ObserveLayer(Arc::new(observer)).layer(service);
    layered
        .oneshot(Request::get("/any/thing").body(()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        spans.named("any/thing").unwrap().attributes.last(),
        Some(&KeyValue::new("rpc.grpc.status_code", 16))
    );
    // The path is a stranger's: it makes no label.
    assert!(
        metrics.to_text().contains(r#"method="other",code="UNAUTHENTICATED"#),
        "{}",
        metrics.to_text()
    );
    assert!(!metrics.to_text().contains("any/thing"));
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_as_cancelled() {
    assert_eq!(observed(Some(Response::new(Once(None)))).await, (1, "CANCELLED"));
    assert_eq!(observed(None).await, (1, "CANCELLED"));
}
