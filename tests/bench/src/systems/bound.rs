//! The least that taking a callback and answering it can cost on this stack: axum in, hyper-util out, nothing between. It
//! proves that load and sink are not what is measured.

use std::{net::SocketAddr, path::Path};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, header::CONTENT_TYPE},
    routing::post,
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;

use super::{Running, probe};
use crate::{callback, http::find, options::Options, process::Process, sink::Sink};

pub(super) async fn start(options: &Options, sink: &Sink, folder: &Path) -> Result<Running> {
    let target = probe::free_address().await?;
    let program = std::env::current_exe()?;
    let arguments = ["forward", &target.to_string(), &sink.portal_address.to_string()];
    let mut bound = Process::start("bound", options.core, folder, &program, &arguments, &[])?;
    probe::ready(&mut bound, target, None).await?;
    Ok(Running {
        processes: vec![bound],
        target,
        path: "/activity".to_owned(),
        traced: false,
    })
}

/// The forwarder itself, until it is killed.
pub(crate) async fn forward(listen: SocketAddr, portal: SocketAddr) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let uri = format!("http://{portal}/rest/bizproc.event.send");
    let take = move |body: Bytes| async move {
        let request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .body(answer(&body).into());
        if let Ok(request) = request {
            tokio::spawn(async move {
                if let Ok(response) = client.request(request).await {
                    // Read to its end, so that the connection can be used again.
                    axum::body::to_bytes(Body::new(response.into_body()), 64 * 1024)
                        .await
                        .ok();
                }
            });
        }
    };
    axum::serve(
        TcpListener::bind(listen).await?,
        Router::new().route("/activity", post(take)),
    )
    .await?;
    Ok(())
}

fn answer(callback: &[u8]) -> String {
    let token = find(callback, b"event_token=")
        .map(|at| &callback[at + 12..])
        .unwrap_or_default();
    let token = token.split(|byte| *byte == b'&').next().unwrap_or_default();
    let token = String::from_utf8_lossy(token).replace("%7C", "|");
    format!(
        r#"{{"event_token":"{token}","return_values":{{"outputString":"{}"}}}}"#,
        callback::ANSWER
    )
}
