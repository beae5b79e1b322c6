//! Replies to `batch`.

use std::{fmt, marker::PhantomData};

use http::{HeaderMap, StatusCode};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{
    CallError, ErrorKind, Time,
    batch::{BATCH_LIMIT, key},
    reply::{decode_reply, of_error, text, usual},
};

/// A batch's reply.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReply {
    /// Of each command, in order.
    pub results: Vec<Result<Value, CallError>>,
    /// The server's account of each command's time, if it sent one.
    pub times: Vec<Option<Time>>,
    /// That of the whole.
    pub time: Option<Time>,
}

/// Understands the reply to a batch of so many commands, or what went wrong with it as a whole.
///
/// A command that has neither a result nor an error was not executed.
///
/// # Errors
///
/// Those of [`decode_reply`].
pub fn decode_batch(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    commands: usize,
) -> Result<BatchReply, CallError> {
    let (mut parts, time) = if let Some(usual) = usual(status, body) {
        usual
    } else {
        let reply = decode_reply(status, headers, body)?;
        (Parts::of_json(&reply.result, commands), reply.time)
    };
    let results = (0..commands).map(|at| match (parts.result_error.take(at), parts.result.take(at)) {
        (Some(error), _) => {
            let description = error.get("error_description").and_then(text).unwrap_or_default();
            Err(of_error(error.get("error").unwrap_or(&Value::Null), &description, 200))
        }
        (None, Some(result)) => Ok(result),
        (None, None) => Err(CallError::new(
            ErrorKind::NotExecuted,
            "the batch gave no result for the command",
        )),
    });
    Ok(BatchReply {
        results: results.collect(),
        times: (0..commands).map(|at| parts.result_time.take(at)).collect(),
        time,
    })
}

/// What a batch's result says by command.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    result: ByCommand<Value>,
    result_error: ByCommand<Value>,
    result_time: ByCommand<Time>,
}

impl Parts {
    fn of_json(result: &Value, commands: usize) -> Self {
        let of = |map: &str, at| result.get(map).and_then(|map| map.get(key(at)));
        let mut parts = Self::default();
        for at in 0..commands {
            parts.result.0.push(of("result", at).cloned());
            parts.result_error.0.push(of("result_error", at).cloned());
            parts.result_time.0.push(of("result_time", at).and_then(Time::of_json));
        }
        parts
    }
}

/// By a command's number.
struct ByCommand<T>(Vec<Option<T>>);

impl<T> ByCommand<T> {
    fn take(&mut self, at: usize) -> Option<T> {
        self.0.get_mut(at)?.take()
    }
}

impl<T> Default for ByCommand<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByCommand<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByCommandVisitor(PhantomData))
    }
}

struct ByCommandVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByCommandVisitor<T> {
    type Value = ByCommand<T>;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a map by command")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(At(at)) = map.next_key()? {
            match at {
                Some(at) => {
                    if parts.len() <= at {
                        parts.resize_with(at + 1, || None);
                    }
                    parts[at] = Some(map.next_value()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(ByCommand(parts))
    }

    /// PHP writes an empty map as `[]`.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ByCommand::default())
    }
}

/// The number of the command that a key stands for.
struct At(Option<usize>);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor;

        impl Visitor<'_> for AtVisitor {
            type Value = At;

            fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
                text.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<At, E> {
                let digits = key.strip_prefix('c').unwrap_or_default();
                let is_number =
                    digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
                let at = digits.parse().ok().filter(|at| is_number && *at < BATCH_LIMIT);
                Ok(At(at))
            }
        }

        deserializer.deserialize_identifier(AtVisitor)
    }
}
