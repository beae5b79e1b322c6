//! The README's requests are right: each is sent, in order, and answered 200.

use std::collections::HashMap;

use serde_json::Value;

/// One `curl` line, as far as the README uses it.
struct Curl {
    method: String,
    url: String,
    json: bool,
    body: Option<String>,
}

fn read(line: &str, variables: &HashMap<&str, String>) -> Curl {
    let mut curl = Curl {
        method: String::new(),
        url: String::new(),
        json: false,
        body: None,
    };
    let mut words = Vec::new();
    let mut rest = line.strip_prefix("curl ").unwrap().trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').unwrap(),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        let word = variables
            .iter()
            .fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
        words.push(word);
        rest = after.trim();
    }
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => curl.method = words.next().unwrap(),
            "-H" => curl.json = words.next().unwrap() == "Content-Type: application/json",
            "-d" => curl.body = words.next(),
            _ => curl.url = word,
        }
    }
    if curl.method.is_empty() {
        curl.method = if curl.body.is_some() { "POST" } else { "GET" }.into();
    }
    curl
}

#[tokio::test]
async fn every_request_of_the_readme_works() {
    let options = portal::Options {
        portals: vec![portal::NewPortal::default()],
        ..portal::Options::default()
    };
    let running = portal::start(options).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's client is no client of ours")]
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut variables = HashMap::from([
        ("http://127.0.0.1:8090", running.control_url.clone()),
        ("http://127.0.0.1:8091", running.oauth_url.clone()),
        (
            "http://127.0.0.1:8092",
            format!("http://{}", running.portals[0].address),
        ),
        // Nobody is to listen where the README has a gateway.
        ("http://127.0.0.1:8080", "http://127.0.0.1:1".to_owned()),
    ]);
    let mut sent = 0;
    for line in include_str!("../../README.md")
        .lines()
        .filter(|line| line.starts_with("curl "))
    {
        let curl = read(line, &variables);
        let mut request = http.request(curl.method.parse().unwrap(), &curl.url);
        if let Some(body) = curl.body {
            let kind = if curl.json {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            request = request.header("Content-Type", kind).body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{line}\n{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        for (variable, key) in [("$ID", "id"), ("$TOKEN", "access_token")] {
            if let Some(value) = answer[key].as_str() {
                variables.insert(variable, value.to_owned());
            }
        }
        sent += 1;
    }
    assert!(sent > 50, "only {sent} requests were found");
    running.stop().await;
}
