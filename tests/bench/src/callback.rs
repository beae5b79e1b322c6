//! The callback that is posted: the fixture `modern_callback` with a workflow and an event token of its own each time.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use url::form_urlencoded;

use crate::{clock, http::find};

/// What the fixture's input hashes to; every answer must carry it.
pub(crate) const ANSWER: &str = "464899b4b50fc966ad2753ca039e7378";

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/php-forms.jsonl");
const WORKFLOW: &str = "6580f7a1c0a8e4.31415926";
const ACTIVITY: &str = "A12345_67890_11111_22222";
const EVENT: &str = "Zq3vT9w0hKJm2cYpXe7RbN5sUaLdFiGo";
const SIGNATURE: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const TIME: &str = "1734690000";
/// Digits of the job's number at the end of an event id.
const NUMBER: usize = 10;

/// A whole HTTP request, of which [`Template::fill`] changes the parts that differ from job to job.
#[derive(Clone)]
pub(crate) struct Template {
    request: Vec<u8>,
    workflows: [usize; 2],
    event: usize,
    signature: usize,
    time: usize,
}

/// The portal that the callbacks come from.
pub(crate) struct Portal<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) oauth: SocketAddr,
    pub(crate) member_id: &'a str,
    pub(crate) application_token: &'a str,
}

#[derive(Deserialize)]
struct Fixture {
    name: String,
    body_base64: String,
}

impl Template {
    /// The request for `path` at `target`.
    ///
    /// # Errors
    /// The fixture is missing, or not what this file knows of it.
    pub(crate) fn new(target: SocketAddr, path: &str, portal: &Portal<'_>) -> Result<Self> {
        let (seconds, _) = clock::unix();
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(&fixture()?) {
            let value = match &*key {
                "auth[domain]" => portal.address.to_string(),
                "auth[client_endpoint]" => format!("http://{}/rest/", portal.address),
                "auth[server_endpoint]" => format!("http://{}/rest/", portal.oauth),
                "auth[member_id]" => portal.member_id.to_owned(),
                "auth[application_token]" => portal.application_token.to_owned(),
                "auth[expires]" => (seconds + 3600).to_string(),
                _ => value.into_owned(),
            };
            form.append_pair(&key, &value);
        }
        let body = form.finish();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: Bitrix24 Webhook Engine\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let place = |text: &str| {
            request
                .find(text)
                .with_context(|| format!("modern_callback without {text}"))
        };
        let first = place(WORKFLOW)?;
        let second = request.rfind(WORKFLOW).unwrap_or(first);
        ensure!(first != second, "modern_callback must name its workflow twice");
        let (event, signature, time) = (place(EVENT)?, place(SIGNATURE)?, place(TIME)?);
        Ok(Self {
            request: request.into_bytes(),
            workflows: [first, second],
            event,
            signature,
            time,
        })
    }

    /// The request of job `number`.
    pub(crate) fn fill(&mut self, number: u32) -> &[u8] {
        let (seconds, micros) = clock::unix();
        // uniqid('', true): time in hex, then a random number.
        let workflow = format!("{seconds:08x}{micros:05x}{}.{:08}", number % 10, number % 100_000_000);
        for at in self.workflows {
            put(&mut self.request, at, workflow.as_bytes());
        }
        let mut random = Random::new(number);
        for byte in &mut self.request[self.event..self.event + EVENT.len() - NUMBER] {
            *byte = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01"[random.six_bits()];
        }
        let number = format!("{number:0NUMBER$}");
        put(&mut self.request, self.event + EVENT.len() - NUMBER, number.as_bytes());
        for byte in &mut self.request[self.signature..self.signature + SIGNATURE.len()] {
            *byte = b"0123456789abcdef"[random.six_bits() % 16];
        }
        put(&mut self.request, self.time, seconds.to_string().as_bytes());
        &self.request
    }
}

/// The number of the job that an answer's body is for.
pub(crate) fn number(answer: &[u8]) -> Option<u32> {
    let at = find(answer, ACTIVITY.as_bytes())? + ACTIVITY.len() + 1 + EVENT.len();
    str::from_utf8(answer.get(at - NUMBER..at)?).ok()?.parse().ok()
}

fn fixture() -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(FIXTURES).with_context(|| format!("the fixtures at {FIXTURES}"))?;
    let line = text
        .lines()
        .find(|line| line.contains("\"modern_callback\""))
        .context("no fixture modern_callback")?;
    let fixture: Fixture = serde_json::from_str(line)?;
    ensure!(
        fixture.name == "modern_callback",
        "fixture {} instead of modern_callback",
        fixture.name
    );
    Ok(STANDARD.decode(fixture.body_base64)?)
}

fn put(request: &mut [u8], at: usize, text: &[u8]) {
    request[at..at + text.len()].copy_from_slice(text);
}

/// xorshift: cheap, and no one's secrets depend on it.
struct Random(u64);

impl Random {
    fn new(seed: u32) -> Self {
        Self((u64::from(seed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn six_bits(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 58).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_request_is_another_step_and_tells_its_number() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let portal = Portal {
            address,
            oauth: address,
            member_id: "m",
            application_token: "t",
        };
        let mut template = Template::new(address, "/x", &portal).unwrap();
        let mut seen = HashSet::new();
        for job in 0..1000 {
            let request = str::from_utf8(template.fill(job)).unwrap();
            let body = request.split_once("\r\n\r\n").unwrap().1;
            let form: std::collections::HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let token = &form["event_token"];
            assert!(
                token.starts_with(&format!("{}|{ACTIVITY}|", form["workflow_id"])),
                "{token}"
            );
            assert_eq!(form["properties[inputString]"], "Привет, мир");
            assert_eq!(form["auth[client_endpoint]"], "http://127.0.0.1:8080/rest/");
            assert_eq!(number(format!(r#"{{"event_token":"{token}"}}"#).as_bytes()), Some(job));
            assert!(seen.insert(form["workflow_id"].clone()) && seen.insert(token.clone()));
        }
    }
}
