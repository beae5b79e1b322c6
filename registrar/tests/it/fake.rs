//! One listener that is an OAuth server (`/rest/app.info`, `/oauth/token/`) and a portal (`/p/rest/…`). It shares no code
//! with the client under test.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

pub(crate) const CLIENT_ID: &str = "local.demo";
pub(crate) const CLIENT_SECRET: &str = "client-secret-never-shown";
pub(crate) const MEMBER: &str = "member-1";

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) user: i64,
    pub(crate) member: String,
    pub(crate) client: String,
}

/// What the next call of a method answers instead.
#[derive(Debug, Clone)]
pub(crate) enum Instead {
    Result(Value),
    Error(u16, &'static str, &'static str),
    Html(u16),
    Redirect(String),
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) access: BTreeMap<String, Token>,
    pub(crate) expired: BTreeSet<String>,
    pub(crate) refresh: BTreeMap<String, Token>,
    pub(crate) refreshes: usize,
    pub(crate) admins: BTreeSet<i64>,
    pub(crate) installed: bool,
    /// Path segment of the portal in `client_endpoint`.
    pub(crate) portal: String,
    /// Whether it has a name there.
    pub(crate) named: bool,
    pub(crate) activities: BTreeMap<String, Value>,
    pub(crate) robots: BTreeMap<String, Value>,
    pub(crate) bound: BTreeSet<(String, String)>,
    /// Every call of the portal and `app.info`, `oauth.token`.
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) instead: BTreeMap<&'static str, VecDeque<Instead>>,
    pub(crate) missing: BTreeSet<&'static str>,
    /// Answers of this method wait for it.
    pub(crate) gate: Option<(&'static str, Arc<Semaphore>)>,
    serial: usize,
}

impl World {
    pub(crate) fn count(&self, method: &str) -> usize {
        self.calls.iter().filter(|(name, _)| name == method).count()
    }

    /// A new pair of tokens for a user.
    pub(crate) fn pair(&mut self, user: i64) -> (String, String) {
        self.serial += 1;
        let token = Token {
            user,
            member: MEMBER.into(),
            client: CLIENT_ID.into(),
        };
        let (access, refresh) = (
            format!("access-secret-{}", self.serial),
            format!("refresh-secret-{}", self.serial),
        );
        self.access.insert(access.clone(), token.clone());
        self.refresh.insert(refresh.clone(), token);
        (access, refresh)
    }

    pub(crate) fn answer_once(&mut self, method: &'static str, instead: Instead) {
        self.instead.entry(method).or_default().push_back(instead);
    }
}

impl Fake {
    /// A portal with the administrators 1 and 2 and the user 3.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = World {
            admins: [1, 2].into(),
            portal: "p".into(),
            ..World::default()
        };
        let fake = Self {
            url,
            world: Arc::new(Mutex::new(world)),
            changed: watch::Sender::new(0),
        };
        let app = Router::new()
            .route("/rest/app.info", post(app_info))
            .route("/oauth/token/", post(token))
            .route("/{portal}/rest/{method}", post(method))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    pub(crate) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock())
    }

    pub(crate) fn server_endpoint(&self) -> String {
        format!("{}/rest/", self.url)
    }

    /// Waits until a call made it so.
    pub(crate) async fn until(&self, condition: impl Fn(&World) -> bool) {
        let mut changed = self.changed.subscribe();
        let limit = std::time::Duration::from_secs(20);
        tokio::time::timeout(limit, changed.wait_for(|_| condition(&self.world.lock())))
            .await
            .unwrap()
            .unwrap();
    }

    fn record(&self, method: &str, params: Value) -> Option<Response> {
        let mut world = self.world.lock();
        world.calls.push((method.to_owned(), params));
        let instead = world.instead.get_mut(method).and_then(VecDeque::pop_front)?;
        Some(match instead {
            Instead::Result(result) => ok(&result),
            Instead::Error(status, code, text) => error(status, code, text),
            Instead::Html(status) => (StatusCode::from_u16(status).unwrap(), "<html>busy</html>").into_response(),
            Instead::Redirect(to) => {
                let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::try_from(to).unwrap())]);
                (StatusCode::FOUND, headers).into_response()
            }
        })
    }

    async fn pass_gate(&self, method: &str) {
        let gate = self.world(|world| world.gate.clone());
        if let Some((_, gate)) = gate.filter(|(gated, _)| *gated == method) {
            gate.acquire().await.unwrap().forget();
        }
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

async fn app_info(State(fake): State<Fake>, body: String) -> Response {
    let form = form(&body);
    let instead = fake.record("app.info", json!({}));
    let response = instead.unwrap_or_else(|| {
        let world = fake.world.lock();
        let given = &form["auth"];
        if world.expired.contains(given) {
            return error(401, "expired_token", "The access token provided has expired");
        }
        let Some(token) = world.access.get(given) else {
            return error(401, "invalid_token", "Unable to get application by token");
        };
        let host = if world.named { "localhost" } else { "127.0.0.1" };
        let endpoint = format!("{}/{}/rest/", fake.url.replace("127.0.0.1", host), world.portal);
        Json(json!({ "result": {
            "client_id": token.client, "scope": "bizproc", "user_id": token.user,
            "install": { "installed": world.installed, "version": 1, "status": "L", "scope": "bizproc",
                "domain": "x", "uri": "x", "client_endpoint": endpoint, "member_id": token.member, "member_type": "cp" }
        } }))
        .into_response()
    });
    fake.tell();
    response
}

async fn token(State(fake): State<Fake>, body: String) -> Response {
    let form = form(&body);
    let instead = fake.record("oauth.token", json!({ "grant_type": form["grant_type"] }));
    // Others get a turn between question and answer, as on a network.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let response = instead.unwrap_or_else(|| {
        let mut world = fake.world.lock();
        if form["client_id"] != CLIENT_ID || form["client_secret"] != CLIENT_SECRET {
            return error(200, "wrong_client", "Unknown client");
        }
        // The old one is void from here on.
        let Some(token) = world.refresh.remove(&form["refresh_token"]) else {
            return error(400, "invalid_grant", "Bad or used refresh token");
        };
        world.refreshes += 1;
        let (access, refresh) = world.pair(token.user);
        let endpoint = format!("{}/{}/rest/", fake.url, world.portal);
        Json(
            json!({ "access_token": access, "refresh_token": refresh, "expires_in": 3600, "scope": "bizproc",
            "domain": "oauth", "client_endpoint": endpoint, "server_endpoint": fake.server_endpoint(),
            "member_id": token.member, "user_id": token.user, "status": "L" }),
        )
        .into_response()
    });
    fake.tell();
    fake.pass_gate("oauth.token").await;
    response
}

fn form(body: &str) -> BTreeMap<String, String> {
    serde_urlencoded::from_str(body).unwrap()
}

async fn method(
    State(fake): State<Fake>,
    Path((portal, method)): Path<(String, String)>,
    Json(mut params): Json<Value>,
) -> Response {
    let auth = params.as_object_mut().unwrap().remove("auth").unwrap();
    let instead = fake.record(&method, params.clone());
    let response = instead.unwrap_or_else(|| {
        let mut world = fake.world.lock();
        assert_eq!(portal, world.portal, "a call to an address that nobody named");
        let auth = auth.as_str().unwrap();
        if world.expired.contains(auth) {
            return error(401, "expired_token", "The access token provided has expired");
        }
        let Some(Token { user, .. }) = world.access.get(auth).cloned() else {
            return error(401, "invalid_token", "Unable to get application by token");
        };
        if world.missing.contains(method.as_str()) {
            return error(404, "ERROR_METHOD_NOT_FOUND", "Method not found!");
        }
        let admin = world.admins.contains(&user);
        if method == "profile" {
            return ok(&json!({ "ID": user.to_string(), "ADMIN": admin, "TIME_ZONE": "" }));
        }
        if !admin {
            return error(403, "ACCESS_DENIED", "Access denied!");
        }
        answer(&mut world, &method, &params)
    });
    fake.tell();
    fake.pass_gate(&method).await;
    response
}

fn answer(world: &mut World, method: &str, params: &Value) -> Response {
    let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
    let code = text("CODE");
    let taken = world.activities.contains_key(&code) || world.robots.contains_key(&code);
    let robots = method.starts_with("bizproc.robot.");
    let World {
        activities,
        robots: all_robots,
        bound,
        ..
    } = world;
    let registry = if robots { all_robots } else { activities };
    match method {
        "bizproc.activity.list" | "bizproc.robot.list" => ok(&json!(registry.keys().collect::<Vec<_>>())),
        "bizproc.activity.add" | "bizproc.robot.add" if taken => error(
            400,
            "ERROR_ACTIVITY_ALREADY_INSTALLED",
            "Activity or Robot already installed!",
        ),
        "bizproc.activity.add" | "bizproc.robot.add" => {
            registry.insert(code, params.clone());
            ok(&json!(true))
        }
        "bizproc.activity.update" | "bizproc.robot.update" => match registry.get_mut(&code) {
            None => error(400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!"),
            Some(stored) => {
                for (key, value) in params["FIELDS"].as_object().unwrap() {
                    stored[key] = value.clone();
                }
                ok(&json!(true))
            }
        },
        "event.bind" if !bound.insert((text("event"), text("handler"))) => {
            error(400, "ERROR_CORE", "Unable to set event handler: Handler already binded")
        }
        "event.bind" => ok(&json!(true)),
        "event.unbind" => ok(&json!({ "count": i32::from(bound.remove(&(text("event"), text("handler")))) })),
        other => panic!("a call of {other}, which the registrar has no business with"),
    }
}

fn ok(result: &Value) -> Response {
    Json(json!({ "result": result, "time": { "start": 1, "finish": 2, "duration": 1, "processing": 0 } }))
        .into_response()
}

fn error(status: u16, code: &str, text: &str) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        Json(json!({ "error": code, "error_description": text })),
    )
        .into_response()
}
