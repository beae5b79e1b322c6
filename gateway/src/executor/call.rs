use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use activity::Activity;
use futures::FutureExt;
use http::uri::PathAndQuery;
use prost_reflect::DynamicMessage;
use service::{Clock, telemetry::SpanId};
use tonic::{Request, Status, client::Grpc};

use super::{
    Executor, Failure, Kind,
    codec::DynamicCodec,
    metadata,
    wire::{Note, Watched},
};
use crate::job::Job;

/// One attempt to call a job's executor.
pub(crate) struct Call<'a> {
    pub(crate) job: &'a Job,
    pub(crate) activity: &'a Activity,
    /// 1, 2, …
    pub(crate) attempt: u32,
    /// The attempt's span.
    pub(crate) span: SpanId,
    pub(crate) limit: Duration,
    pub(crate) response_bytes: usize,
    pub(crate) clock: &'a dyn Clock,
}

/// The result of a call.
pub(crate) type Called = Result<DynamicMessage, Failure>;

impl Call<'_> {
    /// Calls. The timeout includes the wait for the connection.
    pub(crate) async fn run(&self, executor: &Executor, request: DynamicMessage) -> Called {
        let note = Arc::new(Note::default());
        let begun = self.clock.monotonic();
        // A peer can make the client library panic (a `grpc-status-details-bin` that is not base64).
        let attempt = AssertUnwindSafe(self.send(executor, request, &note)).catch_unwind();
        match tokio::time::timeout(self.limit, attempt).await {
            Err(_) => Err(Failure::late(self.limit)),
            Ok(Err(_)) => Err(Failure::new(
                Kind::Broke,
                "the executor's answer made the client library panic",
            )),
            // The same time-out is kept by the channel and by the server, under other names.
            Ok(Ok(Err(_))) if self.clock.monotonic().saturating_sub(begun) >= self.limit => {
                Err(Failure::late(self.limit))
            }
            Ok(Ok(result)) => result,
        }
    }

    async fn send(&self, executor: &Executor, message: DynamicMessage, note: &Arc<Note>) -> Called {
        let broken = |problem: String| Failure::new(Kind::Deployment, problem);
        let servers = executor.servers.as_ref().map_err(|error| broken(error.clone()))?;
        let path = PathAndQuery::try_from(self.activity.path()).map_err(|error| broken(error.to_string()))?;
        let away = |problem: String| Failure::new(Kind::Away { wait: None }, problem);
        let server = servers.pick().await.map_err(|error| away(error.to_string()))?;
        let watched = Watched {
            inner: server.channel.clone(),
            note: note.clone(),
        };
        let mut client = Grpc::new(watched).max_decoding_message_size(self.response_bytes);
        let codec = DynamicCodec {
            output: self.activity.method().output(),
            note: note.clone(),
        };
        let mut request = Request::new(message);
        *request.metadata_mut() = metadata::of(self.job, self.attempt, self.span);
        request.set_timeout(self.limit);
        let failed = |status: &Status| {
            if note.http_status().is_none() {
                server.silent();
            }
            Failure::of(status, note)
        };
        client
            .ready()
            .await
            .map_err(|error| failed(&Status::from_error(error.into())))?;
        client
            .unary(request, path, codec)
            .await
            .map(tonic::Response::into_inner)
            .map_err(|status| failed(&status))
    }
}
