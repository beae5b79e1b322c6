//! The peer: `fastify/handler.js` on one node process.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Running, probe};
use crate::{options::Options, process::Process};

pub(super) async fn start(options: &Options, folder: &Path) -> Result<Running> {
    let handler = options.peer.join("handler.js");
    ensure!(
        options.peer.join("node_modules").is_dir(),
        "run `npm ci` in {} first",
        options.peer.display()
    );
    let target = probe::free_address().await?;
    let environment = [
        ("PORT".to_owned(), target.port().to_string()),
        ("REPLY".to_owned(), options.reply.clone()),
        ("FORM".to_owned(), options.form.clone()),
        ("NODE_ENV".to_owned(), "production".to_owned()),
    ];
    let arguments = [&*handler.to_string_lossy()];
    let mut node = Process::start(
        "node",
        options.core,
        folder,
        Path::new("node"),
        &arguments,
        &environment,
    )?;
    probe::ready(&mut node, target, None).await?;
    Ok(Running {
        processes: vec![node],
        target,
        path: "/activity".to_owned(),
        traced: false,
    })
}
