//! An executor that does as it is told: a real tonic server with hasher's contract.

use std::{collections::VecDeque, sync::Arc};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use proto::hasher::v1::{
    DigestRequest, DigestResponse, Md5Request, Md5Response,
    hasher_server::{Hasher, HasherServer},
};
use tokio::{net::TcpListener, sync::watch};
use tonic::{Request, Response, Status, metadata::MetadataMap, transport::server::TcpIncoming};

type Reply = BoxFuture<'static, Result<Md5Response, Status>>;

#[derive(Clone)]
pub(crate) struct FakeExecutor {
    pub(crate) uri: String,
    calls: Arc<watch::Sender<Vec<(MetadataMap, String)>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl FakeExecutor {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self {
            uri,
            calls: Arc::new(watch::Sender::new(Vec::new())),
            replies: Arc::default(),
        };
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(HasherServer::new(fake.clone()))
                .serve_with_incoming(TcpIncoming::from(listener)),
        );
        fake
    }

    /// What the next call without a reply gets. Without any, `value` of the text.
    pub(crate) fn reply(&self, reply: impl Future<Output = Result<Md5Response, Status>> + Send + 'static) {
        self.replies.lock().push_back(Box::pin(reply));
    }

    pub(crate) fn refuse(&self, status: Status) {
        self.reply(async { Err(status) });
    }

    pub(crate) fn called(&self) -> Vec<(MetadataMap, String)> {
        self.calls.borrow().clone()
    }

    /// Waits until it was called so often.
    pub(crate) async fn calls(&self, number: usize) -> Vec<(MetadataMap, String)> {
        self.calls
            .subscribe()
            .wait_for(|calls| calls.len() >= number)
            .await
            .unwrap()
            .clone()
    }
}

/// What the executor answers to a text.
pub(crate) fn value(text: &str) -> String {
    format!("value of {text}")
}

#[tonic::async_trait]
impl Hasher for FakeExecutor {
    async fn md5(&self, request: Request<Md5Request>) -> Result<Response<Md5Response>, Status> {
        let (metadata, _, message) = request.into_parts();
        let reply = self.replies.lock().pop_front();
        let output_string = value(&message.input_string);
        self.calls
            .send_modify(|calls| calls.push((metadata, message.input_string)));
        match reply {
            Some(reply) => reply.await.map(Response::new),
            None => Ok(Response::new(Md5Response { output_string })),
        }
    }

    async fn digest(&self, _: Request<DigestRequest>) -> Result<Response<DigestResponse>, Status> {
        Err(Status::invalid_argument("no such algorithm"))
    }
}
