//! Captured forms.

use anyhow::Context as _;
use serde_json::Value;

/// The body of a form of `fixtures/php-forms.jsonl`, and what PHP decodes from it.
pub fn form(name: &str) -> anyhow::Result<(String, Value)> {
    let text = include_str!("../fixtures/php-forms.jsonl");
    for line in text.lines() {
        let case: Value = serde_json::from_str(line)?;
        if case["name"] == name {
            let body = data_encoding::BASE64.decode(case["body_base64"].as_str().context("body")?.as_bytes())?;
            return Ok((String::from_utf8(body)?, case["decoded"].clone()));
        }
    }
    anyhow::bail!("no form {name}")
}
