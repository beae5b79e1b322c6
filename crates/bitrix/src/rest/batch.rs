//! Requests of `batch`.

use serde::Serialize;

use super::{CallError, Command, ErrorKind};

/// Commands in one batch; the portal refuses what is over.
pub const BATCH_LIMIT: usize = 50;

/// The JSON body of a `batch` that runs these commands, each whatever becomes of the others.
///
/// # Errors
///
/// [`ErrorKind::NotSent`] for more than [`BATCH_LIMIT`] commands.
pub fn batch_body(access_token: &str, commands: &[Command]) -> Result<Vec<u8>, CallError> {
    #[derive(Serialize)]
    struct Body<'a> {
        auth: &'a str,
        halt: u8,
        #[serde(serialize_with = "by_key")]
        cmd: &'a [Command],
    }
    if commands.len() > BATCH_LIMIT {
        let text = format!("{} commands in a batch, the portal takes {BATCH_LIMIT}", commands.len());
        return Err(CallError::new(ErrorKind::NotSent, text));
    }
    let length: usize = commands.iter().map(|command| command.as_str().len() + 16).sum();
    let mut body = Vec::with_capacity(length + 256);
    let request = Body {
        auth: access_token,
        halt: 0,
        cmd: commands,
    };
    serde_json::to_writer(&mut body, &request).expect("texts become JSON, and memory takes them");
    Ok(body)
}

fn by_key<S: serde::Serializer>(commands: &[Command], serializer: S) -> Result<S::Ok, S::Error> {
    let members = commands.iter().enumerate();
    serializer.collect_map(members.map(|(at, command)| (key(at), command.as_str())))
}

/// Not a number, so that PHP keeps a map of them a map.
pub(super) fn key(at: usize) -> String {
    format!("c{at}")
}
