use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use super::{CallError, ErrorKind};

/// How much of a server's text an error repeats, in characters.
const EXCERPT: usize = 300;

/// What a method returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The method's result.
    pub result: Value,
    /// The server's account of its time, if it sent one.
    pub time: Option<Time>,
    /// Of lists: the `start` of the next page, if there is one.
    pub next: Option<u64>,
    /// Of lists: how many there are in all.
    pub total: Option<u64>,
}

/// The `time` block of a reply. Recent servers send some of these as integers, all are seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Time {
    /// When the call began, seconds since 1970.
    pub start: f64,
    /// When it ended, seconds since 1970.
    pub finish: f64,
    /// How long it took, seconds.
    pub duration: f64,
    /// How long the method itself ran, seconds.
    #[serde(default)]
    pub processing: f64,
    /// What the method has used of its operating time, seconds; only where the portal limits it.
    pub operating: Option<f64>,
    /// When that count falls again, seconds since 1970.
    pub operating_reset_at: Option<f64>,
}

/// Understands a reply: its result, or what went wrong.
///
/// # Errors
///
/// A [`CallError`] of any kind that a reply can show. An error body counts whatever the status (`wrong_client` comes
/// with 200), a redirect whatever the body.
pub fn decode_reply(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Reply, CallError> {
    let mut object = decode_object(status, headers, body)?;
    let Some(result) = object.remove("result") else {
        return Err(malformed(
            status,
            headers,
            "the reply has neither a result nor an error",
        ));
    };
    Ok(Reply {
        result,
        time: object.get("time").and_then(Time::of_json),
        next: object.get("next").and_then(int).and_then(|next| next.try_into().ok()),
        total: object
            .get("total")
            .and_then(int)
            .and_then(|total| total.try_into().ok()),
    })
}

/// Whether a call succeeded, for who needs no result: says what [`decode_reply`] says, and looks not into what nobody reads.
/// Gives the server's account of its time, if it sent one.
///
/// # Errors
///
/// The same.
pub fn check_reply(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Option<Time>, CallError> {
    if let Some((IgnoredAny, time)) = usual(status, body) {
        return Ok(time);
    }
    decode_reply(status, headers, body).map(|reply| reply.time)
}

/// A success as servers write it, its result read without a tree of the whole, and its time. Whatever is odd about another reply is
/// for [`decode_reply`].
pub(super) fn usual<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Option<(T, Option<Time>)> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        result: Option<T>,
        error: Option<IgnoredAny>,
        time: Option<Time>,
    }
    // A struct could be written as a list, too.
    if !status.is_success() || body.first() != Some(&b'{') {
        return None;
    }
    let envelope: Envelope<T> = serde_json::from_slice(body).ok()?;
    let result = envelope.result.filter(|_| envelope.error.is_none())?;
    Some((result, envelope.time))
}

/// The reply's JSON object, if it is a success; the OAuth server answers with bare objects.
pub(crate) fn decode_object(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Map<String, Value>, CallError> {
    if status.is_redirection() {
        let mut error = malformed(
            status,
            headers,
            "the server answers with a redirect, which is not followed",
        );
        error.kind = ErrorKind::Moved;
        error.location = header(headers, &LOCATION).map(|location| excerpt(before_query(location)));
        return Err(error);
    }
    // Hand-edited files of a portal like to begin with a byte order mark, which then precedes every reply.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    let object = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => object,
        _ if body.is_empty() => return Err(malformed(status, headers, "the reply is empty")),
        Ok(_) => return Err(malformed(status, headers, "the reply is JSON, but no object")),
        Err(_) => {
            let beginning = excerpt(&String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]));
            return Err(malformed(
                status,
                headers,
                &format!("the reply is not JSON, it begins with {beginning:?}"),
            ));
        }
    };
    match object.get("error") {
        None | Some(Value::Null) if status.is_success() => Ok(object),
        None | Some(Value::Null) => Err(malformed(
            status,
            headers,
            "the status is an error, the reply names none",
        )),
        Some(code) => {
            let description = object.get("error_description").and_then(text).unwrap_or_default();
            let mut error = of_error(code, &description, status.as_u16());
            error.retry_after = retry_after(headers);
            Err(error)
        }
    }
}

/// An error as the server describes it: `error` is a text (maybe empty) or a number.
pub(super) fn of_error(code: &Value, description: &str, status: u16) -> CallError {
    let code = text(code).unwrap_or_else(|| code.to_string());
    let mut error = CallError::new(ErrorKind::of_code(&code, description, status), excerpt(description));
    error.code = excerpt(&code);
    error.status = Some(status);
    error
}

/// A text; PHP makes little difference between texts and numbers.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number, also as a text or a float.
pub(crate) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the cast saturates; nobody counts that far"
            )]
            Some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A yes or no as PHP programs send it: a bool, `Y`, `1`.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(_) => int(value).map(|int| int != 0),
        Value::String(text) => Some(matches!(text.as_str(), "Y" | "y" | "1" | "true")),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Time {
    /// As PHP's JSON has it: also numbers as texts.
    pub fn of_json(time: &Value) -> Option<Self> {
        let seconds = |name| time.get(name).and_then(float);
        Some(Self {
            start: seconds("start")?,
            finish: seconds("finish")?,
            duration: seconds("duration")?,
            processing: seconds("processing").unwrap_or_default(),
            operating: seconds("operating"),
            operating_reset_at: seconds("operating_reset_at"),
        })
    }
}

fn malformed(status: StatusCode, headers: &HeaderMap, description: &str) -> CallError {
    let mut error = CallError::new(
        ErrorKind::of_status(status.as_u16()).unwrap_or(ErrorKind::Malformed),
        description,
    );
    error.status = Some(status.as_u16());
    error.retry_after = retry_after(headers);
    error
}

/// `Retry-After` in seconds; portals send none, fronts may. Its date form is not used.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, &RETRY_AFTER)?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

fn header<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn before_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or_default()
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}
