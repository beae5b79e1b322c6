//! Against the emulated portal, which follows the server's rules and texts.

use proto::registrar::v1::{Auth, InstallResponse, InstallationState as State, Step};
use serde_json::{Value, json};

use crate::harness::Harness;

const TWO: [(&str, &str); 2] = [("md5", "MD5"), ("robot-md5", "MD5 robot")];

struct World {
    harness: Harness,
    portal: portal::Running,
}

impl World {
    async fn start(installed: bool) -> Self {
        let options = portal::Options {
            portals: vec![portal::NewPortal::default()],
            ..portal::Options::default()
        };
        let portal = portal::start(options).await.unwrap();
        let mut harness = Harness::prepare().await;
        harness.config.oauth_hosts = vec![portal.oauth_url.clone()];
        harness.define(&TWO);
        harness.run().await;
        let world = Self { harness, portal };
        let app = json!({
            "client_id": crate::fake::CLIENT_ID, "client_secret": crate::fake::CLIENT_SECRET, "installed": installed,
            "application_token": "application-token-of-the-portal"
        });
        world.control("installations", app).await;
        world
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let client = bitrix::rest::client_builder().build().unwrap();
        let url = format!("{}/control/portals/main/{path}", self.portal.control_url);
        let request = if body.is_null() {
            client.get(url)
        } else {
            client.post(url).json(&body)
        };
        request
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn auth(&self, user: u64) -> Auth {
        let pair = self
            .control("tokens", json!({ "client_id": crate::fake::CLIENT_ID, "user": user }))
            .await;
        let text = |key: &str| pair[key].as_str().unwrap().to_owned();
        Auth {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            member_id: self.portal.portals[0].member_id.clone(),
            server_endpoint: self.portal.portals[0].server_endpoint.clone(),
            application_token: "application-token-of-the-portal".into(),
            ..Auth::default()
        }
    }

    async fn install(&self) -> InstallResponse {
        self.harness.install(self.auth(1).await).await
    }

    async fn app(&self, action: &str, body: Value) {
        self.control(&format!("apps/{}/{action}", crate::fake::CLIENT_ID), body)
            .await;
    }

    async fn codes(&self) -> Vec<String> {
        let rows = self.control("activities", Value::Null).await;
        let text = rows.to_string();
        TWO.iter()
            .filter(|(code, _)| text.contains(&format!("\"{code}\"")))
            .map(|(code, _)| (*code).to_owned())
            .collect()
    }

    async fn reconcile(&self) -> proto::registrar::v1::InstallationView {
        let request = proto::registrar::v1::ReconcileRequest::default();
        self.harness
            .operator()
            .reconcile(request)
            .await
            .unwrap()
            .into_inner()
            .installations
            .remove(0)
    }
}

#[tokio::test]
async fn what_we_send_passes_the_servers_checks() {
    let world = World::start(false).await;
    let response = world.install().await;
    assert_eq!(response.problem, "");
    assert!(response.finish);
    assert!(
        response
            .activities
            .iter()
            .all(|one| one.step() == Step::Add && one.observed && one.problem.is_empty())
    );
    assert_eq!(world.codes().await, ["md5", "robot-md5"]);

    world.app("finish", json!({})).await;
    let view = world.reconcile().await;
    assert_eq!((view.state(), view.problem.as_str()), (State::Active, ""));

    // Updates, too: blind ones, a day later.
    world.harness.advance(25 * 60 * 60);
    let view = world.reconcile().await;
    assert_eq!(view.problem, "");
    assert!(
        view.activities
            .iter()
            .all(|one| one.step() == Step::Update && one.observed)
    );
}

#[tokio::test]
async fn an_update_of_the_app_wipes_and_the_next_pass_repairs() {
    let world = World::start(true).await;
    world.install().await;
    world.app("update", json!({})).await;
    assert!(world.codes().await.is_empty());
    let view = world.reconcile().await;
    assert_eq!((view.state(), view.problem.as_str()), (State::Active, ""));
    assert_eq!(world.codes().await, ["md5", "robot-md5"]);
}

#[tokio::test]
async fn a_portal_that_moves_is_found_again() {
    let world = World::start(true).await;
    world.install().await;
    let info = world.control("rename", json!({})).await;
    world.app("update", json!({})).await;
    let view = world.reconcile().await;
    assert_eq!(view.problem, "");
    assert_eq!(view.client_endpoint, info["client_endpoint"].as_str().unwrap());
    assert_eq!(world.codes().await, ["md5", "robot-md5"]);
}

#[tokio::test]
async fn expired_and_revoked_tokens() {
    let world = World::start(true).await;
    world.install().await;
    world.app("expire", json!({})).await;
    assert_eq!(world.reconcile().await.problem, "");
    world.app("revoke", json!({})).await;
    assert_eq!(world.reconcile().await.state(), State::Active);
    world.harness.advance(world.harness.config.lost_after.as_secs());
    assert_eq!(world.reconcile().await.state(), State::TokenRevoked);
    assert_eq!(world.install().await.state(), State::Active);
}

#[tokio::test]
async fn a_plan_without_business_processes() {
    let world = World::start(true).await;
    let client = bitrix::rest::client_builder().build().unwrap();
    let url = format!("{}/control/portals/main/settings", world.portal.control_url);
    let set = async |on: bool| {
        client
            .patch(&url)
            .json(&json!({ "bizproc": on }))
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
    };
    set(false).await;
    let response = world.install().await;
    assert_eq!(response.state(), State::NoBizproc);
    set(true).await;
    assert_eq!(world.install().await.state(), State::Active);
}
