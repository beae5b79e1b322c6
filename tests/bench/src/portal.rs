//! A portal and its OAuth server, as far as a registrar needs them to install, register and hand out tokens, and with
//! what it is asked for each job as cheap as it can be.

mod data_plane;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Value, json};

pub(crate) use self::data_plane::{Asked, Counts};
use crate::{
    answers::Answers,
    clock, http,
    http::{Handler, Request},
};

/// The app's identity and the portal's.
pub(crate) const CLIENT_ID: &str = "local.6580f7a1c0a8e4.31415926";
pub(crate) const CLIENT_SECRET: &str = "bench-client-secret";
pub(crate) const MEMBER_ID: &str = "a223c6b3710f85df22e9377d6c4f7553";
pub(crate) const APPLICATION_TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";
pub(crate) const ACCESS_TOKEN: &str = "1a2b3c4d006c9f1e0000000100000001b0e3a7c9d1f2";
const REFRESH_TOKEN: &str = "0a1b2c3d006c9f1e00000001000000019f8e7d6c5b4a";
const SCOPE: &str = "bizproc,crm,user";

/// The portal's REST.
pub(crate) struct Portal {
    /// What came back.
    pub(crate) answers: Arc<Answers>,
    /// How often it was asked.
    pub(crate) asked: Asked,
    /// HANDLER by code, of activities and robots.
    registered: Mutex<BTreeMap<String, Registration>>,
}

struct Registration {
    handler: String,
    robot: bool,
}

/// The vendor's OAuth server.
pub(crate) struct OAuth {
    pub(crate) address: SocketAddr,
    pub(crate) portal: SocketAddr,
}

impl Portal {
    pub(crate) fn new(answers: Arc<Answers>) -> Self {
        Self {
            answers,
            asked: Asked::default(),
            registered: Mutex::default(),
        }
    }

    /// Where callbacks of an activity go, once it is registered.
    pub(crate) fn handler(&self, code: &str) -> Option<String> {
        self.registered
            .lock()
            .get(code)
            .map(|registration| registration.handler.clone())
    }

    fn call(&self, method: &str, body: &[u8]) -> Option<Value> {
        let parameters: Value = serde_json::from_slice(body).unwrap_or_default();
        let robot = method.starts_with("bizproc.robot.");
        Some(match method {
            "bizproc.activity.add" | "bizproc.robot.add" => {
                self.register(robot, &parameters, &parameters);
                json!(true)
            }
            "bizproc.activity.update" | "bizproc.robot.update" => {
                self.register(robot, &parameters, field(&parameters, "FIELDS"));
                json!(true)
            }
            "bizproc.activity.list" | "bizproc.robot.list" => self
                .registered
                .lock()
                .iter()
                .filter(|(_, registration)| registration.robot == robot)
                .map(|(code, _)| json!(code))
                .collect(),
            "event.bind" => json!(true),
            "event.get" => json!([]),
            "profile" => json!({"ID": "1", "ADMIN": true, "NAME": "Bench", "LAST_NAME": "", "TIME_ZONE": ""}),
            "app.info" => json!({"ID": 1, "CODE": CLIENT_ID, "VERSION": 1, "STATUS": "L", "INSTALLED": true,
                "PAYMENT_EXPIRED": "N", "DAYS": null, "LANGUAGE_ID": "en", "LICENSE": "en_demo"}),
            _ => return None,
        })
    }

    fn register(&self, robot: bool, identity: &Value, fields: &Value) {
        if let (Some(code), Some(handler)) = (field(identity, "CODE").as_str(), field(fields, "HANDLER").as_str()) {
            let registration = Registration {
                handler: handler.to_owned(),
                robot,
            };
            self.registered.lock().insert(code.to_owned(), registration);
        }
    }
}

impl Handler for Portal {
    fn handle(&self, request: &Request<'_>, response: &mut Vec<u8>) {
        let method = request.target.split('?').next().unwrap_or_default();
        let method = method.strip_prefix("/rest/").unwrap_or_default();
        let method = method.strip_suffix(".json").unwrap_or(method);
        if let Some((status, body)) = self.asked.reply(method, request.body, &self.answers) {
            http::respond(response, status, body.as_bytes());
        } else if let Some(result) = self.call(method, request.body) {
            json_response(response, &json!({"result": result, "time": time()}));
        } else {
            let error = br#"{"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!"}"#;
            http::respond(response, "404 Not Found", error);
        }
    }
}

impl Handler for OAuth {
    fn handle(&self, request: &Request<'_>, response: &mut Vec<u8>) {
        let (server, portal) = (
            format!("http://{}/rest/", self.address),
            format!("http://{}/rest/", self.portal),
        );
        let expires = clock::unix().0 + 3600;
        match request.target.split('?').next().unwrap_or_default() {
            "/rest/app.info" => json_response(
                response,
                &json!({"result": {"client_id": CLIENT_ID, "scope": SCOPE, "expires": expires, "user_id": 1, "install": {
                    "installed": true, "version": "1", "status": "L", "scope": SCOPE, "domain": self.portal.to_string(),
                    "uri": "", "client_endpoint": portal, "member_id": MEMBER_ID, "member_type": ""}},
                    "time": time()}),
            ),
            "/oauth/token/" => json_response(
                response,
                &json!({"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires": expires,
                    "expires_in": 3600, "scope": SCOPE, "domain": self.address.to_string(), "server_endpoint": server,
                    "client_endpoint": portal, "member_id": MEMBER_ID, "user_id": 1, "status": "L"}),
            ),
            _ => http::respond(response, "404 Not Found", b"{}"),
        }
    }
}

/// The fields of a frame POST by the portal's administrator.
pub(crate) fn frame(oauth: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("AUTH_ID", ACCESS_TOKEN.to_owned()),
        ("AUTH_EXPIRES", "3600".to_owned()),
        ("REFRESH_ID", REFRESH_TOKEN.to_owned()),
        ("SERVER_ENDPOINT", format!("http://{oauth}/rest/")),
        ("APPLICATION_TOKEN", APPLICATION_TOKEN.to_owned()),
        ("APPLICATION_SCOPE", SCOPE.to_owned()),
        ("member_id", MEMBER_ID.to_owned()),
        ("status", "L".to_owned()),
        ("PLACEMENT", "DEFAULT".to_owned()),
        ("PLACEMENT_OPTIONS", r#"{"any":"1\/"}"#.to_owned()),
    ]
}

fn json_response(response: &mut Vec<u8>, body: &Value) {
    http::respond(response, "200 OK", body.to_string().as_bytes());
}

/// Parameters are case-insensitive at the top level.
fn field<'a>(parameters: &'a Value, name: &str) -> &'a Value {
    let fields = parameters.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .next()
        .unwrap_or(&Value::Null)
}

fn time() -> Value {
    json!({"start": 1_734_690_000.5, "finish": 1_734_690_000.6, "duration": 0.1, "processing": 0.1,
        "date_start": "2024-12-20T13:20:00+03:00", "date_finish": "2024-12-20T13:20:00+03:00"})
}
