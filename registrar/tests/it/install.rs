//! Frame POSTs.

use proto::registrar::v1::{Auth, InstallationState as State, Step};
use tonic::Code;

use crate::{
    fake::{Instead, MEMBER, Token},
    harness::{APPLICATION_TOKEN, Harness, sha256},
};

const TWO: [(&str, &str); 2] = [("md5", "MD5"), ("robot-md5", "MD5 robot")];

#[tokio::test]
async fn an_administrator_installs_and_everything_is_registered() {
    let harness = Harness::start(&TWO).await;
    let response = harness.install(harness.auth(1)).await;
    assert!(response.proved && response.administrator && response.finish);
    assert_eq!(response.problem, "");
    assert_eq!(response.state(), State::Incomplete);
    let steps: Vec<_> = response
        .activities
        .iter()
        .map(|one| (one.code.as_str(), one.robot, one.step(), one.observed))
        .collect();
    assert_eq!(
        steps,
        [("md5", false, Step::Add, true), ("robot-md5", true, Step::Add, true)]
    );
    assert_eq!(response.activities[0].name, "MD5");

    let revision = &harness.sync("", 0).await.revisions[0].revision.clone();
    harness.fake.world(|world| {
        let md5 = &world.activities["md5"];
        assert_eq!(
            md5["HANDLER"],
            format!("https://gateway.example/bitrix/demo/activity/{revision}")
        );
        assert_eq!(md5["AUTH_USER_ID"], 1);
        assert_eq!(md5["USE_SUBSCRIPTION"], "Y");
        let handler = "https://gateway.example/bitrix/demo/event".to_owned();
        let events = ["ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE"].map(|event| (event.to_owned(), handler.clone()));
        assert_eq!(world.bound, events.into());
        world.installed = true;
    });

    let again = harness.install(harness.auth(1)).await;
    assert!(!again.finish);
    assert_eq!(again.state(), State::Active);
    assert!(
        again
            .activities
            .iter()
            .all(|one| one.step() == Step::Keep && one.observed)
    );
    assert_eq!(harness.fake.world(|world| world.count("bizproc.activity.add")), 1);

    let snapshot = harness.sync_until(|snapshot| !snapshot.installations.is_empty()).await;
    let installation = &snapshot.installations[0];
    assert_eq!(installation.application_token_sha256, [sha256(APPLICATION_TOKEN)]);
    assert_eq!(installation.client_endpoint, format!("{}/p/rest/", harness.fake.url));
}

#[tokio::test]
async fn an_unfinished_installation_becomes_active_by_itself() {
    let harness = Harness::start(&TWO).await;
    harness.install(harness.auth(1)).await;
    assert_eq!(harness.reconcile().await.state(), State::Incomplete);
    harness.fake.world(|world| world.installed = true);
    assert_eq!(harness.reconcile().await.state(), State::Active);
}

#[tokio::test]
async fn a_forged_frame_changes_nothing() {
    let harness = Harness::start(&TWO).await;
    let foreign = |access: &str, member: &str, client: &str| {
        let token = Token {
            user: 1,
            member: member.into(),
            client: client.into(),
        };
        harness.fake.world(|world| world.access.insert(access.into(), token));
        Auth {
            access_token: access.into(),
            ..harness.auth(1)
        }
    };
    let cases = [
        (
            "unknown token",
            Auth {
                access_token: "nonsense".into(),
                ..harness.auth(1)
            },
        ),
        (
            "no token",
            Auth {
                access_token: String::new(),
                ..harness.auth(1)
            },
        ),
        ("another app's token", foreign("a", MEMBER, "local.other")),
        ("another portal's token", foreign("b", "member-2", "local.demo")),
    ];
    for (name, auth) in cases {
        let response = harness.install(auth).await;
        assert!(
            !response.proved && !response.administrator && !response.finish,
            "{name}"
        );
        assert_ne!(response.problem, "", "{name}");
    }
    assert!(harness.sync("", 0).await.installations.is_empty());
    assert_eq!(
        harness.fake.world(|world| world.count("profile")),
        0,
        "the portal was not even asked"
    );
}

#[tokio::test]
async fn a_token_goes_to_configured_hosts_only() {
    let harness = Harness::start(&TWO).await;
    let stranger = crate::fake::Fake::start().await;
    let auth = Auth {
        server_endpoint: stranger.server_endpoint(),
        ..harness.auth(1)
    };
    let response = harness.install(auth).await;
    assert!(response.proved, "the configured host knows the token");
    let unknown = Auth {
        access_token: "nonsense".into(),
        server_endpoint: stranger.server_endpoint(),
        ..harness.auth(1)
    };
    let response = harness.install(unknown).await;
    assert!(
        response.problem.contains("not among registrar.oauth_hosts"),
        "{}",
        response.problem
    );
    assert_eq!(stranger.world(|world| world.calls.len()), 0);
}

#[tokio::test]
async fn without_a_name_each_configured_host_is_asked_in_turn() {
    let mut harness = Harness::prepare().await;
    let first = crate::fake::Fake::start().await;
    harness.config.oauth_hosts.insert(0, first.url.clone());
    harness.define(&TWO);
    harness.run().await;
    let unnamed = |auth: Auth| Auth {
        server_endpoint: String::new(),
        ..auth
    };
    assert!(
        harness.install(unnamed(harness.auth(1))).await.proved,
        "the second one knows the token"
    );
    assert_eq!(first.world(|world| world.count("app.info")), 1);

    // One that can't be asked might have known what the other one does not.
    first.world(|world| world.answer_once("app.info", Instead::Html(502)));
    let forged = Auth {
        access_token: "nonsense".into(),
        ..harness.auth(1)
    };
    assert_eq!(
        harness.try_install(unnamed(forged.clone())).await.unwrap_err().code(),
        Code::Unavailable
    );
    assert!(!harness.install(unnamed(forged)).await.proved);

    // A named one is the only one asked.
    let asked = first.world(|world| world.count("app.info"));
    assert!(harness.install(harness.auth(1)).await.proved);
    assert_eq!(first.world(|world| world.count("app.info")), asked);
}

#[tokio::test]
async fn an_expired_frame_is_told_to_be_opened_again() {
    let harness = Harness::start(&TWO).await;
    let auth = harness.auth(1);
    harness
        .fake
        .world(|world| world.expired.insert(auth.access_token.clone()));
    let response = harness.install(auth).await;
    assert!(!response.proved);
    assert!(
        response.problem.contains("open the application again"),
        "{}",
        response.problem
    );
}

#[tokio::test]
async fn others_see_the_page_and_change_nothing() {
    let harness = Harness::start(&TWO).await;
    let response = harness.install(harness.auth(3)).await;
    assert!(response.proved && !response.administrator && !response.finish);
    assert!(response.problem.contains("administrator"), "{}", response.problem);
    assert!(harness.sync("", 0).await.installations.is_empty());

    harness.installed().await;
    let calls = harness.fake.world(|world| world.calls.len());
    let response = harness
        .install(Auth {
            application_token: "forged".into(),
            ..harness.auth(3)
        })
        .await;
    assert!(response.proved && !response.administrator);
    assert_eq!(response.activities.len(), 2);
    assert_eq!(
        harness.fake.world(|world| world.calls.len()),
        calls + 2,
        "app.info and profile, no more"
    );
    let snapshot = harness.sync_until(|snapshot| !snapshot.installations.is_empty()).await;
    assert_eq!(
        snapshot.installations[0].application_token_sha256,
        [sha256(APPLICATION_TOKEN)]
    );
    assert_eq!(harness.view().await.user_id, 1);
}

#[tokio::test]
async fn a_second_administrator_takes_over_only_when_the_first_can_no_more() {
    let harness = Harness::start(&TWO).await;
    harness.installed().await;
    let response = harness
        .install(Auth {
            application_token: "other".into(),
            ..harness.auth(2)
        })
        .await;
    assert!(response.administrator);
    assert_eq!(response.problem, "");
    assert_eq!(harness.view().await.user_id, 1);
    let tokens = harness.sync("", 0).await.installations[0]
        .application_token_sha256
        .clone();
    assert_eq!(
        tokens,
        [sha256(APPLICATION_TOKEN)],
        "only the installation's administrator teaches one"
    );

    // Nobody knows yet that the first one's rights are gone: opening the app finds out, and heals at once.
    harness.fake.world(|world| world.admins.remove(&1));
    let response = harness.install(harness.auth(2)).await;
    assert_eq!(response.problem, "");
    assert_eq!(harness.view().await.user_id, 2);
    harness
        .fake
        .world(|world| assert_eq!(world.activities["md5"]["AUTH_USER_ID"], 2));
}

#[tokio::test]
async fn a_revoked_installation_heals_when_an_administrator_opens_the_app() {
    let harness = Harness::start(&TWO).await;
    harness.installed().await;
    harness.fake.world(|world| {
        world.refresh.clear();
        world.access.clear();
    });
    let view = harness.lost().await;
    assert_eq!(view.state(), State::TokenRevoked);
    assert!(!view.problem.is_empty());
    let response = harness.install(harness.auth(2)).await;
    assert_eq!((response.state(), response.problem.as_str()), (State::Active, ""));
}

#[tokio::test]
async fn a_page_that_is_sent_twice_brings_no_used_token_back() {
    let harness = Harness::start(&TWO).await;
    harness.fake.world(|world| world.installed = true);
    let auth = harness.auth(1);
    harness.install(auth.clone()).await;
    // The pair is refreshed; the page's refresh token is void, its access token still valid.
    let old = harness.issue(None).await.unwrap();
    let new = harness.issue(Some(&old.access_token)).await.unwrap();
    let response = harness.install(auth).await;
    assert_eq!(response.problem, "");
    assert_eq!(harness.issue(None).await.unwrap().access_token, new.access_token);
    harness.advance(4000);
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn trouble_on_the_way_is_no_verdict() {
    let harness = Harness::start(&TWO).await;
    for (method, instead) in [
        ("app.info", Instead::Html(502)),
        ("app.info", Instead::Error(500, "ERROR_UNEXPECTED_ANSWER", "x")),
        (
            "profile",
            Instead::Error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
        ),
        ("profile", Instead::Html(200)),
    ] {
        harness.fake.world(|world| world.answer_once(method, instead.clone()));
        let status = harness.try_install(harness.auth(1)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{method} {instead:?}");
    }
    assert!(harness.sync("", 0).await.installations.is_empty());
    let unknown = proto::registrar::v1::InstallRequest {
        app: "nope".into(),
        ..Default::default()
    };
    assert_eq!(
        harness.service().install(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
}
