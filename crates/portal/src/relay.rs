//! The relay: the vendor's queue server, which adds tokens to what a portal has posted and calls the app's handler once.

use std::time::Duration;

use bitrix::form;
use serde_json::{Map, Value, json};

use crate::{
    fault::RelayFaults,
    oauth::{ACCESS_SECONDS, OAuth},
    php::form::build,
    random,
    state::{
        Portal,
        outgoing::{Delivered, Outgoing, Post},
    },
    world::{Leaving, Shared, World},
};

/// As handlers' logs show it.
const USER_AGENT: &str = "Bitrix24 Webhook Engine";
/// The socket and stream time-out of the server's own client.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends what portals put into their outboxes, each post in a task of its own, until the emulator stops.
pub async fn run(shared: Shared, mut leaving: Leaving) {
    let stop = shared.stopping().clone();
    while let Some(Some((portal, item))) = stop.run_until_cancelled(leaving.recv()).await {
        let (shared, stop) = (shared.clone(), stop.clone());
        shared.tasks().clone().spawn(async move {
            stop.run_until_cancelled(deliver(&shared, &portal, item)).await;
        });
    }
}

async fn deliver(shared: &Shared, portal: &str, item: Outgoing) {
    let Ok(_slot) = shared.relay_width().acquire().await else {
        return;
    };
    let mut changes = shared.changes();
    let faults = loop {
        match shared.read_portal(portal, |hosted| hosted.relay.clone()) {
            None => return,
            Some(faults) if !faults.paused => break faults,
            Some(_) if changes.changed().await.is_err() => return,
            Some(_) => {}
        }
    };
    let number = shared.next_post();
    let hit = |share: u64, of: u64| of > 0 && number % of < share;
    if hit(faults.drop, faults.drop_of) {
        shared.change_portal(portal, |hosted| hosted.portal.counters.callbacks_dropped += 1);
        return;
    }
    let jitter = if faults.jitter_ms > 0 {
        random::below(faults.jitter_ms)
    } else {
        0
    };
    if faults.delay_ms + jitter > 0 {
        tokio::time::sleep(Duration::from_millis(faults.delay_ms + jitter)).await;
    }
    let Some(body) = shared.change(|world| body(world, portal, &item, shared.clock().seconds())) else {
        return;
    };
    let once = async |body: String| {
        let number = note(shared, portal, &item, &body);
        let delivered = post(shared, &item.url, &faults, body).await;
        count(shared, portal, &item, number, delivered);
    };
    if hit(faults.duplicate, faults.duplicate_of) {
        tokio::join!(once(body.clone()), once(body));
    } else {
        once(body).await;
    }
}

/// Notes a post before it leaves: a quick handler's answer may be here before its acknowledgement.
fn note(shared: &Shared, portal: &str, item: &Outgoing, body: &str) -> Option<u64> {
    let time = shared.clock().micros();
    let kind = match item.post {
        Post::Activity { .. } => "activity",
        Post::Event(_) => "event",
    };
    shared.change_portal(portal, |hosted| hosted.posted.push(time, kind, &item.url, body))
}

/// One try; redirects are not followed, the answer's body is not read.
async fn post(shared: &Shared, url: &str, faults: &RelayFaults, body: String) -> Delivered {
    let Ok(mut url) = reqwest::Url::parse(url) else {
        return Delivered::Failed;
    };
    if let Some((host, port)) = faults.connect_to.as_deref().and_then(|target| target.rsplit_once(':')) {
        let moved = url.set_host(Some(host)).is_ok()
            && url.set_port(port.parse().ok()).is_ok()
            && url.set_scheme("http").is_ok();
        if !moved {
            return Delivered::Failed;
        }
    }
    if let Some(path) = &faults.path {
        url.set_path(path);
    }
    let request = shared
        .client()
        .post(url)
        .header(http::header::USER_AGENT, USER_AGENT)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .timeout(TIMEOUT)
        .body(body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Delivered::Acknowledged,
        Ok(answer) => {
            tracing::debug!(status = %answer.status(), "handler refused a post");
            Delivered::Refused
        }
        Err(error) => {
            tracing::debug!(error = %error.without_url(), "handler not reached");
            Delivered::Failed
        }
    }
}

fn count(shared: &Shared, portal: &str, item: &Outgoing, number: Option<u64>, delivered: Delivered) {
    shared.change_portal(portal, |hosted| {
        if let Some(number) = number {
            hosted.posted.settle(number, delivered);
        }
        let portal = &mut hosted.portal;
        match (&item.post, delivered) {
            (Post::Activity { .. }, Delivered::Refused) => portal.counters.callbacks_refused += 1,
            (Post::Activity { .. }, Delivered::Failed) => portal.counters.callbacks_failed += 1,
            (Post::Event(_), Delivered::Acknowledged) => portal.counters.events_acknowledged += 1,
            (Post::Event(_), Delivered::Refused | Delivered::Failed) => portal.counters.events_failed += 1,
            (Post::Activity { workflow, name }, Delivered::Acknowledged) => {
                portal.counters.callbacks_acknowledged += 1;
                if let Some(step) = portal
                    .workflows
                    .get_mut(workflow)
                    .and_then(|workflow| workflow.step_mut(name))
                    && !step.acknowledged
                {
                    step.acknowledged = true;
                    portal.counters.steps_acknowledged += 1;
                    if step.completions > 0 {
                        portal.counters.steps_acknowledged_and_answered += 1;
                    }
                }
            }
        }
    });
}

/// The body as the handler sees it: the portal's own encoding, decoded at the relay, tokens added, encoded again.
/// So nulls and empty arrays are lost on the first hop, and everything is text.
fn body(world: &mut World, name: &str, item: &Outgoing, now: i64) -> Option<String> {
    let mut hop = Map::new();
    hop.insert("QUERY".into(), json!([{"query": {"QUERY_DATA": item.data}}]));
    let mut decoded = decode(&build(&hop))?;
    let data = ["QUERY", "0", "query", "QUERY_DATA"]
        .iter()
        .try_fold(&mut decoded, |value, key| match value {
            Value::Object(map) => map.get_mut(*key),
            _ => None,
        })?;
    let Value::Object(mut data) = data.take() else {
        return None;
    };
    let portal = &world.portals.get(name)?.portal;
    let auth = auth(portal, item, name, now, &mut world.oauth);
    data.insert("auth".into(), Value::Object(auth));
    Some(build(&data))
}

fn auth(portal: &Portal, item: &Outgoing, name: &str, now: i64, oauth: &mut OAuth) -> Map<String, Value> {
    let mut auth = Map::new();
    let mut put = |key: &str, value: Value| auth.insert(key.to_owned(), value);
    let app = portal.apps.get(&item.client_id);
    let pair = item
        .user
        .zip(app)
        .map(|(user, _)| (user, oauth.issue(name, &item.client_id, user, now)));
    let scope = app.map(|app| app.scope.join(",")).unwrap_or_default();
    if let Some((_, pair)) = &pair {
        put("access_token", json!(pair.access_token));
        put("expires", json!(pair.expires));
        put("expires_in", json!(ACCESS_SECONDS));
        put("scope", json!(scope));
    }
    put("domain", json!(portal.domain));
    put("server_endpoint", json!(portal.server_endpoint));
    if let (Some(app), Some(_)) = (app, &pair) {
        put("status", json!(app.status));
    }
    put("client_endpoint", json!(portal.client_endpoint()));
    put("member_id", json!(portal.member_id));
    if let Some((user, pair)) = &pair {
        put("user_id", json!(user));
        put("refresh_token", json!(pair.refresh_token));
    }
    put("application_token", json!(item.application_token));
    if portal.settings.old_events && matches!(item.post, Post::Event(_)) {
        for newer in ["expires", "server_endpoint", "client_endpoint"] {
            auth.shift_remove(newer);
        }
    }
    auth
}

/// PHP's decoding without its cuts.
fn decode(body: &str) -> Option<Value> {
    let limits = form::Limits {
        pairs: usize::MAX,
        depth: 4096,
        bytes: usize::MAX,
    };
    let array = form::decode(body.as_bytes(), &limits).ok()?;
    Some(map(&array))
}

fn map(array: &form::Array) -> Value {
    let entries = array.iter().map(|(key, value)| {
        let key = match key {
            form::Key::Int(int) => int.to_string(),
            form::Key::Text(bytes) => text_key(bytes),
        };
        let value = match value {
            form::Value::Text(bytes) => text(bytes),
            form::Value::Array(inner) => map(inner),
        };
        (key, value)
    });
    Value::Object(entries.collect())
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"$base64": data_encoding::BASE64.encode(bytes)}),
    }
}

fn text_key(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_| format!("$base64:{}", data_encoding::BASE64.encode(bytes)),
        str::to_owned,
    )
}
