//! A portal's front: `/rest/METHOD`, webhooks and `/oauth/authorize/`.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use serde_json::{Map, Value, json};

use super::{Call, Cut, apply_fault, auth, before_fault, json_response, read_params, response};
use crate::{
    context::{self, Context, Failure, Job},
    rest,
    state::Account,
    time_block,
    workflow::{self, job_order},
    world::{Hosted, Shared, received},
};

/// State of a portal's router.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    /// The world.
    pub shared: Shared,
    /// The portal's name in it.
    pub name: String,
    /// The host, or host and port, that the portal had when this front was opened; a renamed portal answers there with 302.
    pub host: String,
}

/// The router of one listener.
pub(crate) fn router(front: Front) -> Router {
    Router::new().fallback(handle).with_state(front)
}

async fn handle(State(front): State<Front>, request: Request) -> Response<Body> {
    // The server in front of PHP takes several slashes for one; an SDK of the vendor's relies on it.
    let path = merge_slashes(request.uri().path());
    if let Some(moved) = front
        .shared
        .read_portal(&front.name, |hosted| moved(hosted, &front, &request))
        .flatten()
    {
        return moved;
    }
    match path.strip_prefix("/rest/") {
        Some(rest) => {
            let answer = rest_call(&front, rest, request).await;
            let cut = answer.extensions().get::<Cut>().is_some();
            front.shared.change_portal(&front.name, |hosted| {
                let replies = &mut hosted.portal.counters.replies;
                if cut {
                    replies.cut += 1;
                } else {
                    replies.add(answer.status().as_u16());
                }
            });
            answer
        }
        None if path.trim_end_matches('/') == "/oauth/authorize" => authorize(&front, request).await,
        None => response(404, "text/html; charset=UTF-8", "404 Not Found"),
    }
}

fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for char in path.chars() {
        if char != '/' || !merged.ends_with('/') {
            merged.push(char);
        }
    }
    merged
}

/// The 302 of a renamed portal, with the path and query kept.
fn moved(hosted: &Hosted, front: &Front, request: &Request) -> Option<Response<Body>> {
    hosted.moved_from.contains(&front.host).then(|| {
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let mut answer = response(302, "text/html; charset=UTF-8", "");
        if let Ok(location) = format!("{}{target}", hosted.portal.origin()).parse() {
            answer.headers_mut().insert(http::header::LOCATION, location);
        }
        answer
    })
}

/// `USER/SECRET/METHOD` of a webhook, or just `METHOD`.
fn split(rest: &str) -> (Option<(&str, &str)>, String) {
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let (webhook, method) = match parts[..] {
        [user, secret, method] => (Some((user, secret)), method),
        [method] => (None, method),
        _ => (None, rest),
    };
    let method = method
        .strip_suffix(".json")
        .or_else(|| method.strip_suffix(".xml"))
        .unwrap_or(method);
    (webhook, method.to_lowercase())
}

/// What one call came to under the lock.
struct Done {
    answer: context::Response,
    jobs: Vec<Job>,
    hold: Duration,
}

async fn rest_call(front: &Front, rest: &str, request: Request) -> Response<Body> {
    let clock = front.shared.clock();
    let start = clock.micros();
    let (webhook, method) = split(rest);
    let fault = front
        .shared
        .change_portal(&front.name, |hosted| {
            hosted.portal.counters.requests += 1;
            hosted.faults.next(&method)
        })
        .flatten();
    let fault = before_fault(fault).await;
    let call = read_params(request).await;
    if let Some(answer) = fault.as_ref().filter(|rule| !rule.work).and_then(apply_fault) {
        note(
            front,
            &method,
            &call,
            &Context::default(),
            answer.status().as_u16(),
            None,
        );
        return answer;
    }
    let processing = clock.micros();
    let done = front.shared.change(|world| {
        let crate::world::World { oauth, portals } = world;
        let hosted = portals.get_mut(&front.name)?;
        hosted.portal.counters.rest_calls += 1;
        if hosted.portal.settings.limiter
            && let Some(source) = call.source
            && !hosted.limiter.admit(&hosted.portal.settings, source, start)
        {
            let answer = Failure::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests");
            return Some((
                Context::default(),
                Done {
                    answer: Err(answer).into(),
                    jobs: Vec::new(),
                    hold: Duration::ZERO,
                },
            ));
        }
        let context = match webhook {
            Some((user, secret)) => auth::by_webhook(hosted, user, secret),
            None => auth::by_token(oauth, &front.name, &hosted.portal, &call, clock.seconds()),
        };
        let mut context = match context {
            Ok(context) => context,
            Err(refused) => {
                let done = Done {
                    answer: Err(refused).into(),
                    jobs: Vec::new(),
                    hold: Duration::ZERO,
                };
                return Some((Context::default(), done));
            }
        };
        let answer = rest::dispatch(&mut hosted.portal, &mut context, &method, &call.params);
        let jobs = std::mem::take(&mut context.jobs);
        let hold = Duration::from_millis(hosted.portal.settings.lock_hold_ms);
        if hold.is_zero() {
            workflow::run_jobs(&mut hosted.portal, &jobs);
            return Some((
                context,
                Done {
                    answer,
                    jobs: Vec::new(),
                    hold,
                },
            ));
        }
        Some((context, Done { answer, jobs, hold }))
    });
    let Some((context, done)) = done else {
        return response(404, "text/html; charset=UTF-8", "404 Not Found");
    };
    if !done.jobs.is_empty() {
        front
            .shared
            .tasks()
            .spawn(slow_jobs(front.clone(), done.jobs, done.hold));
    }
    let times = time_block::Times {
        start,
        processing,
        finish: clock.micros(),
    };
    let body = finish(front, done.answer, &times, context.operating);
    note(front, &method, &call, &context, body.0, body.2);
    fault.as_ref().and_then(apply_fault).unwrap_or(body.1)
}

/// Adds the `time` block to a JSON success and gives status, response and the error's code.
fn finish(
    front: &Front,
    answer: context::Response,
    times: &time_block::Times,
    operating: Option<Account>,
) -> (u16, Response<Body>, Option<String>) {
    let context::Response { status, body } = answer;
    match body {
        context::Body::Json(mut body) => {
            let error = body.get("error").and_then(Value::as_str).map(str::to_owned);
            if let (200, Value::Object(map)) = (status, &mut body) {
                let time = front.shared.read_portal(&front.name, |hosted| {
                    let times = times.apart(hosted.portal.clock.apart_micros());
                    times.to_json(hosted.portal.settings.zone_offset, operating)
                });
                map.insert("time".into(), time.unwrap_or_default());
            }
            (status, json_response(status, &body), error)
        }
        context::Body::Other { content_type, text } => (status, response(status, content_type, text), None),
    }
}

fn note(front: &Front, method: &str, call: &Call, context: &Context, status: u16, error: Option<String>) {
    let mut params = call.params.clone();
    for secret in ["auth", "access_token"] {
        params.shift_remove(secret);
    }
    let time = front.shared.clock().micros();
    front.shared.change_portal(&front.name, |hosted| {
        hosted.received.push(received::Call {
            number: 0,
            time,
            method: method.to_owned(),
            params,
            content_type: call.content_type.clone(),
            client_id: context.client_id.clone(),
            user_id: context.user_id,
            status,
            error,
        });
    });
}

/// Background jobs of a hit that keeps each workflow's lock for a while: the lock is taken, time passes, the answer
/// is delivered. Other hits meet the lock meanwhile. The next steps' callbacks leave after the last job.
async fn slow_jobs(front: Front, jobs: Vec<Job>, hold: Duration) {
    let owner = workflow::unique_id(front.shared.clock());
    let mut posts = Vec::new();
    for index in job_order(jobs.len()) {
        let job = &jobs[index];
        let taken = front.shared.change_portal(&front.name, |hosted| {
            workflow::take_lock(&mut hosted.portal, job, &owner).is_ok()
        });
        if taken != Some(true) {
            continue;
        }
        tokio::select! {
            () = front.shared.stopping().cancelled() => return,
            () = tokio::time::sleep(hold) => {}
        }
        front.shared.change_portal(&front.name, |hosted| {
            // A job that fails is only logged on the server; the others still run.
            let _ = workflow::resume(&mut hosted.portal, job);
            posts.append(&mut hosted.portal.outbox);
        });
    }
    front
        .shared
        .change_portal(&front.name, |hosted| hosted.portal.outbox.append(&mut posts));
}

/// `/oauth/authorize/`: the browser of a signed-in user. `user` names the user (default: the administrator).
async fn authorize(front: &Front, request: Request) -> Response<Body> {
    let call = read_params(request).await;
    let get = |name: &str| {
        call.params
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let now = front.shared.clock().seconds();
    let user = get("user").parse().unwrap_or(1);
    let location = front.shared.change(|world| {
        let host = world.oauth.address.clone();
        let hosted = world.portals.get(&front.name)?;
        let app = hosted.portal.apps.get(&get("client_id"))?;
        let mut target = Map::new();
        target.insert(
            "code".into(),
            json!(world.oauth.code(&front.name, &app.client_id, user, now)),
        );
        target.insert("state".into(), json!(get("state")));
        target.insert("domain".into(), json!(hosted.portal.domain));
        target.insert("member_id".into(), json!(hosted.portal.member_id));
        target.insert("scope".into(), json!(app.scope.join(",")));
        target.insert("server_domain".into(), json!(host));
        let separator = if app.redirect_uri.contains('?') { '&' } else { '?' };
        Some(format!(
            "{}{separator}{}",
            app.redirect_uri,
            crate::php::form::build(&target)
        ))
    });
    // On failure there is no redirect.
    let Some(location) = location.and_then(|location| location.parse().ok()) else {
        return response(200, "text/html; charset=UTF-8", "Application not found");
    };
    let mut answer = response(302, "text/html; charset=UTF-8", "");
    answer.headers_mut().insert(http::header::LOCATION, location);
    answer
}
