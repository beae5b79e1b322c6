//! The recorded forms: bodies made by PHP, and what PHP decoded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

pub(crate) struct PhpForm {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) decoded: Value,
    /// PHP cut the form.
    pub(crate) php_warning: Option<String>,
    /// A query string that came with the form, and what PHP decoded.
    pub(crate) query: Option<(String, Value)>,
}

pub(crate) fn php_forms() -> Vec<PhpForm> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/php-forms.jsonl");
    std::fs::read_to_string(path).unwrap().lines().map(php_form).collect()
}

pub(crate) fn body(name: &str) -> Vec<u8> {
    php_forms().into_iter().find(|form| form.name == name).unwrap().body
}

fn php_form(line: &str) -> PhpForm {
    let line: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    PhpForm {
        name: text("name").unwrap(),
        body: BASE64_STANDARD.decode(line["body_base64"].as_str().unwrap()).unwrap(),
        decoded: line["decoded"].clone(),
        php_warning: text("php_warning"),
        query: text("query").map(|query| (query, line["query_decoded"].clone())),
    }
}
