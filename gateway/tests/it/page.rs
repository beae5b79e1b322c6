//! The app's page.

use proto::registrar::v1::{InstallResponse, InstallationState, RegisteredActivity, Step};
use reqwest::StatusCode;
use tonic::Status;

use crate::{harness::World, registrar::APP};

const FRAME: &str = "AUTH_ID=frame-token&AUTH_EXPIRES=3600&REFRESH_ID=refresh&member_id=m1&status=L&PLACEMENT=DEFAULT";

fn installed() -> InstallResponse {
    InstallResponse {
        proved: true,
        administrator: true,
        finish: true,
        activities: vec![RegisteredActivity {
            code: "md5".into(),
            robot: false,
            name: "MD5 <b>\"generator\"</b>".into(),
            step: Step::Add.into(),
            observed: true,
            problem: String::new(),
        }],
        problem: String::new(),
        state: InstallationState::Active.into(),
    }
}

async fn page(world: &World, response: Result<InstallResponse, Status>) -> (StatusCode, String, String) {
    *world.registrar.state.install.lock() = response;
    let gateway = world.gateway().await;
    let response = world
        .http
        .post(format!(
            "http://{}/bitrix/{APP}/page?DOMAIN=b24.example%3A8443&PROTOCOL=1&LANG=ru&APP_SID=s",
            gateway.http
        ))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(FRAME)
        .send()
        .await
        .unwrap();
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    let result = (response.status(), policy, response.text().await.unwrap());
    gateway.stop().await;
    result
}

#[tokio::test]
async fn it_installs_and_shows_what_was_registered() {
    let world = World::new().await;
    let (status, policy, page) = page(&world, Ok(installed())).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("BX24.installFinish()") && page.contains("//api.bitrix24.com/api/v1/"));
    assert!(page.contains("<code>md5</code>") && page.contains("registered, added now"));
    assert!(
        page.contains("MD5 &#60;b&#62;&#34;generator&#34;&#60;/b&#62;"),
        "{page}"
    );
    assert!(!page.contains("frame-token"));
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors https://b24.example:8443 "),
        "{policy}"
    );
    let nonce = policy
        .split("script-src 'nonce-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    assert_eq!(
        page.matches(&format!("nonce=\"{nonce}\"")).count(),
        3,
        "style and both scripts"
    );

    let request = world.registrar.state.installs.lock()[0].clone();
    let auth = request.auth.unwrap();
    assert_eq!(
        (request.language.as_str(), request.placement.as_str()),
        ("ru", "DEFAULT")
    );
    assert_eq!(
        (auth.access_token.as_str(), auth.domain.as_str()),
        ("frame-token", "b24.example:8443")
    );
    assert!(auth.expires > 1_700_000_000);
}

#[tokio::test]
async fn it_finishes_only_when_told() {
    let world = World::new().await;
    let (_, _, page) = page(
        &world,
        Ok(InstallResponse {
            finish: false,
            ..installed()
        }),
    )
    .await;
    assert!(!page.contains("installFinish"));
}

#[tokio::test]
async fn someone_without_rights_sees_it_unchanged() {
    let world = World::new().await;
    let response = InstallResponse {
        administrator: false,
        finish: false,
        ..installed()
    };
    let (status, _, page) = page(&world, Ok(response)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Nothing was changed: only an administrator"), "{page}");
}

#[tokio::test]
async fn problems_are_shown_in_words() {
    let world = World::new().await;
    let response = InstallResponse {
        problem: "<script>alert(1)</script>".into(),
        state: InstallationState::NoBizproc.into(),
        ..installed()
    };
    let (_, _, text) = page(&world, Ok(response)).await;
    assert!(
        text.contains("&#60;script&#62;alert(1)") && text.contains("plan has no business processes"),
        "{text}"
    );
    let (status, _, text) = page(&world, Ok(InstallResponse::default())).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(text.contains("does not confirm who opens this page"), "{text}");
    let (status, _, text) = page(&world, Err(Status::unavailable("no route"))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        text.contains("Try again in a minute") && text.contains("no route"),
        "{text}"
    );
}

#[tokio::test]
async fn outside_a_portal_it_says_where_to_open_it() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let response = world
        .http
        .get(format!("http://{}/bitrix/{APP}/page", gateway.http))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.unwrap().contains("Open this page in Bitrix24"));
}
