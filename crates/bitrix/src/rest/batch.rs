use serde_json::{Map, Value, json};

use super::reply::{of_error, text};
use super::{CallError, ErrorKind, Reply, Time, query};

/// Commands in one batch; the portal refuses what is over.
pub const BATCH_LIMIT: usize = 50;

/// One call within a batch.
#[derive(Clone, Debug)]
pub struct Command {
    /// The method's name; `batch` itself is not allowed.
    pub method: String,
    /// Its parameters, a JSON object or null.
    pub params: Value,
}

/// The parameters of `batch` that run `commands`.
///
/// # Errors
///
/// [`ErrorKind::NotSent`] for more than [`BATCH_LIMIT`] commands.
pub fn batch_params(commands: &[Command], halt: bool) -> Result<Value, CallError> {
    if commands.len() > BATCH_LIMIT {
        let text = format!("{} commands in a batch, the portal takes {BATCH_LIMIT}", commands.len());
        return Err(CallError::new(ErrorKind::NotSent, text));
    }
    let commands: Map<_, _> = commands
        .iter()
        .enumerate()
        .map(|(at, command)| {
            (
                key(at),
                format!("{}?{}", command.method, query::build(&command.params)).into(),
            )
        })
        .collect();
    Ok(json!({ "halt": i32::from(halt), "cmd": commands }))
}

/// A result for each of so many commands, in order, out of a batch's reply.
///
/// PHP writes an empty map as `[]`; a command that is in neither map was not executed.
pub fn batch_results(reply: &Reply, commands: usize) -> Vec<Result<Value, CallError>> {
    let member = |map: &str, at| reply.result.get(map).and_then(|map| map.get(key(at)));
    (0..commands)
        .map(|at| {
            if let Some(error) = member("result_error", at) {
                let description = error.get("error_description").and_then(text).unwrap_or_default();
                Err(of_error(error.get("error").unwrap_or(&Value::Null), &description, 200))
            } else if let Some(result) = member("result", at) {
                Ok(result.clone())
            } else {
                Err(CallError::new(
                    ErrorKind::NotExecuted,
                    "the batch gave no result for the command",
                ))
            }
        })
        .collect()
}

/// What a batch's reply says of the time of one of its commands.
pub fn batch_time(reply: &Reply, at: usize) -> Option<Time> {
    Time::of_json(reply.result.get("result_time")?.get(key(at))?)
}

/// Not a number, so that PHP keeps a map of them a map.
fn key(at: usize) -> String {
    format!("c{at}")
}
