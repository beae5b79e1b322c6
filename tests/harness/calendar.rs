//! An executor that our programs know nothing of: its contract is in `executors/calendar`, its descriptors come from a file.

use std::time::Duration;

use generated::{
    MoveRequest, MoveResponse,
    calendar_server::{Calendar as Service, CalendarServer},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    unreachable_pub,
    reason = "generated code"
)]
mod generated {
    tonic::include_proto!("calendar.v1");
}

const DESCRIPTORS: &str = concat!(env!("OUT_DIR"), "/calendar.bin");
const DAY: i64 = 24 * 60 * 60;

/// A calendar that works with moments; it stops when dropped.
#[derive(Debug)]
pub struct Calendar {
    uri: String,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Calendar {
    /// Starts it on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let uri = format!("http://{}", listener.local_addr()?);
        let server = tonic::transport::Server::builder()
            .timeout(Duration::from_secs(10))
            .add_service(CalendarServer::new(Moves))
            .serve_with_incoming(TcpIncoming::from(listener));
        Ok(Self {
            uri,
            serving: tokio::spawn(server),
        })
    }

    /// The registrar's configuration of it.
    pub fn toml(&self) -> String {
        Self::toml_at(&self.uri)
    }

    /// The same of one at another address.
    pub fn toml_at(uri: &str) -> String {
        format!(
            "[registrar.executors.calendar]\nuri = '{uri}'\ndescriptors = '{DESCRIPTORS}'\ncodes = ['calendar.*']\n"
        )
    }
}

impl Drop for Calendar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Moves;

#[tonic::async_trait]
impl Service for Moves {
    async fn r#move(&self, request: Request<MoveRequest>) -> Result<Response<MoveResponse>, Status> {
        let mut request = request.into_inner();
        let days = i64::from(request.days.unwrap_or_default());
        request.others.sort_by_key(|timestamp| timestamp.seconds);
        Ok(Response::new(MoveResponse {
            end: request.start.map(|timestamp| prost_types::Timestamp {
                seconds: timestamp.seconds + days * DAY,
                ..timestamp
            }),
            sorted: request.others,
            echo: request.written,
        }))
    }
}
