//! Requests of `batch`.

use serde::Serialize;
use serde_json::Value;

use super::{CallError, ErrorKind, query};

/// Commands in one batch; the portal refuses what is over.
pub const BATCH_LIMIT: usize = 50;

/// One call within a batch: `METHOD?QUERY`. It travels as a form: values arrive as texts, null and empty maps not at all, and
/// what [`super::is_batch_safe`] does not vouch for may be altered.
#[derive(Clone, Debug)]
pub struct Command(String);

impl Command {
    /// A call of a method, not of `batch` itself, with a JSON object or null.
    pub fn new(method: &str, params: &Value) -> Self {
        let mut command = format!("{method}?");
        query::append_to(&mut command, params);
        Self(command)
    }
}

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
    let length: usize = commands.iter().map(|Command(text)| text.len() + 16).sum();
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
    serializer.collect_map(commands.iter().enumerate().map(|(at, Command(text))| (key(at), text)))
}

/// Not a number, so that PHP keeps a map of them a map.
pub(super) fn key(at: usize) -> String {
    format!("c{at}")
}
