//! Access tokens.

use std::{sync::Arc, time::Duration};

use proto::registrar::v1::{InstallationState as State, IssueTokenRequest};
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    fake::{Instead, MEMBER},
    harness::Harness,
};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];
/// More than an access token lives.
const LATER: u64 = 4_000;

async fn harness() -> Harness {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness
}

fn reason(status: &Status) -> String {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "registrar");
    info.reason
}

#[tokio::test]
async fn the_stored_token_is_used_while_it_lives() {
    let harness = harness().await;
    let first = harness.issue(None).await.unwrap();
    assert_eq!(first.client_endpoint, format!("{}/p/rest/", harness.fake.url));
    assert_eq!(harness.issue(None).await.unwrap(), first);
    assert_eq!(
        harness.issue(Some("some token of before")).await.unwrap(),
        first,
        "that one was replaced long ago"
    );
    assert_eq!(harness.fake.world(|world| world.refreshes), 0);
    let second = harness.issue(Some(&first.access_token)).await.unwrap();
    assert_ne!(second.access_token, first.access_token);
    assert_eq!(harness.fake.world(|world| world.refreshes), 1);
    assert_eq!(harness.issue(Some(&first.access_token)).await.unwrap(), second);
    assert_eq!(harness.fake.world(|world| world.refreshes), 1);
}

#[tokio::test]
async fn many_at_once_are_one_refresh() {
    let harness = harness().await;
    harness.advance(LATER);
    let issued = futures::future::join_all((0..100).map(|_| harness.issue(None))).await;
    let tokens: std::collections::BTreeSet<_> = issued.into_iter().map(|one| one.unwrap().access_token).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(harness.fake.world(|world| world.refreshes), 1);

    // The rotated pair works in turn, also all at once and by name; but not at once.
    let rejected = tokens.first().unwrap();
    let soon = harness.issue(Some(rejected)).await.unwrap_err();
    assert!(
        soon.code() == Code::Unavailable && soon.message().contains("just refreshed"),
        "{soon}"
    );
    assert_eq!(harness.fake.world(|world| world.refreshes), 1);
    harness.advance(60);
    let issued = futures::future::join_all((0..100).map(|_| harness.issue(Some(rejected)))).await;
    assert!(issued.iter().all(|one| one.as_ref().unwrap().access_token != *rejected));
    assert_eq!(harness.fake.world(|world| world.refreshes), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_loses_nothing() {
    let harness = harness().await;
    harness.advance(LATER);
    let gate = Arc::new(Semaphore::new(0));
    harness
        .fake
        .world(|world| world.gate = Some(("oauth.token", gate.clone())));
    let channel = harness.channel();
    let mut client = harness.client_on(channel.clone(), "service-token");
    let request = IssueTokenRequest {
        app: "demo".into(),
        member_id: MEMBER.into(),
        rejected_sha256: Vec::new(),
    };
    let call = tokio::spawn(async move { client.issue_token(request).await });
    // The old pair is void, the new one on its way.
    harness.fake.until(|world| world.refreshes == 1).await;
    call.abort();
    // On the same connection, so that the registrar knows by then that the caller is gone.
    let mut client = harness.client_on(channel, "service-token");
    client.sync(proto::registrar::v1::SyncRequest::default()).await.unwrap();
    gate.add_permits(1);
    let issued = harness.issue(None).await.unwrap();
    assert_eq!(
        harness.fake.world(|world| world.refreshes),
        1,
        "the abandoned flight brought the token"
    );
    assert!(
        harness
            .fake
            .world(|world| world.access.contains_key(&issued.access_token))
    );
}

#[tokio::test]
async fn a_refresh_under_way_does_not_bring_back_what_a_new_installation_replaced() {
    let harness = harness().await;
    harness.advance(LATER);
    let gate = Arc::new(Semaphore::new(0));
    harness
        .fake
        .world(|world| world.gate = Some(("oauth.token", gate.clone())));
    let auth = harness.auth(1);
    let access_token = auth.access_token.clone();
    let refresh = harness.issue(None);
    let install = async {
        harness.fake.until(|world| world.refreshes == 1).await;
        harness.install(auth).await
    };
    let release = async {
        harness.fake.until(|world| world.count("profile") == 2).await;
        gate.add_permits(1);
    };
    let (refreshed, installed, ()) = tokio::join!(refresh, install, release);
    refreshed.unwrap();
    assert_eq!(installed.problem, "");
    assert_eq!(harness.issue(None).await.unwrap().access_token, access_token);
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_waited_for_it() {
    let harness = harness().await;
    harness.advance(LATER);
    harness
        .fake
        .world(|world| world.answer_once("oauth.token", Instead::Html(502)));
    let issued = futures::future::join_all((0..50).map(|_| harness.issue(None))).await;
    let asked = harness.fake.world(|world| world.count("oauth.token"));
    let failed = issued.iter().filter(|one| one.is_err()).count();
    assert!(asked <= 2 && failed > 0, "{asked} questions, {failed} failures");
    let status = issued.into_iter().find_map(Result::err).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs() >= 1);
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn a_lost_installation_is_not_asked_for_again_and_again() {
    let mut harness = Harness::prepare().await;
    harness.config.lost_after = Duration::ZERO;
    harness.define(&ONE);
    harness.run().await;
    harness.installed().await;
    let rejected = harness.issue(None).await.unwrap().access_token;
    harness.fake.world(|world| world.refresh.clear());
    assert_eq!(
        reason(&harness.issue(Some(&rejected)).await.unwrap_err()),
        "TOKEN_REVOKED"
    );
    assert_eq!(reason(&harness.issue(None).await.unwrap_err()), "TOKEN_REVOKED");
    assert_eq!(harness.fake.world(|world| world.count("oauth.token")), 1);
    let snapshot = harness
        .sync_until(|one| one.installations[0].state() == State::TokenRevoked)
        .await;
    assert_eq!(snapshot.installations.len(), 1);
}

#[tokio::test]
async fn a_portal_that_takes_a_token_no_more_is_no_second_word() {
    let harness = harness().await;
    let rejected = harness.issue(None).await.unwrap().access_token;
    let word = Instead::Error(400, "invalid_grant", "x");
    harness.fake.world(|world| world.answer_once("oauth.token", word));
    let status = harness.issue(Some(&rejected)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    harness.advance(60);
    harness.issue(Some(&rejected)).await.unwrap();
}

/// What the OAuth server may say of an installation, and what is believed in the end.
const WORDS: [(&str, &str); 3] = [
    ("invalid_grant", "TOKEN_REVOKED"),
    ("PORTAL_DELETED", "PORTAL_GONE"),
    ("NOT_INSTALLED", "UNINSTALLED"),
];

async fn refused(harness: &Harness, code: &'static str) -> Status {
    let word = Instead::Error(401, code, "x");
    harness.fake.world(|world| world.answer_once("oauth.token", word));
    harness.issue(None).await.unwrap_err()
}

#[tokio::test]
async fn the_oauth_servers_word_alone_ends_an_installation_after_hours() {
    for (code, expected) in WORDS {
        let harness = harness().await;
        harness.advance(LATER);
        let status = refused(&harness, code).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert!(
            status.message().contains(code) && status.message().contains("since 2026-11-25T13:06:40Z"),
            "{status:?}"
        );
        let snapshot = harness.sync_until(|one| one.installations[0].in_doubt).await;
        assert_eq!(snapshot.installations[0].state(), State::Active);
        assert_eq!(harness.view().await.problem, status.message());
        let asked = || harness.fake.world(|world| world.count("oauth.token"));
        assert_eq!(harness.issue(None).await.unwrap_err().message(), status.message());
        assert_eq!(asked(), 1, "not asked again at once");

        harness.advance(7_199);
        assert_eq!(refused(&harness, code).await.code(), Code::Unavailable);
        assert_eq!(asked(), 2);
        harness.advance(61);
        assert_eq!(reason(&refused(&harness, code).await), expected);
        harness.sync_until(|one| !one.installations[0].in_doubt).await;
    }
}

#[tokio::test]
async fn a_refusal_that_passes_costs_nothing() {
    for (code, _) in WORDS {
        let harness = harness().await;
        harness.advance(LATER);
        refused(&harness, code).await;
        harness.sync_until(|one| one.installations[0].in_doubt).await;
        harness.advance(60);
        harness.issue(None).await.unwrap();
        harness.sync_until(|one| !one.installations[0].in_doubt).await;
        // The next refusal begins anew.
        harness.advance(9_000);
        assert_eq!(refused(&harness, code).await.code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_callbacks_token_helps_an_installation_in_doubt() {
    let harness = harness().await;
    harness.advance(LATER);
    refused(&harness, "invalid_grant").await;
    // Of a user who is no administrator.
    let auth = harness.auth(3);
    harness.prove(auth.clone()).await.unwrap();
    harness.sync_until(|one| !one.installations[0].in_doubt).await;
    assert_eq!(harness.issue(None).await.unwrap().access_token, auth.access_token);
    // The refresh token is as it was.
    harness.advance(LATER);
    let refreshed = harness.issue(None).await.unwrap();
    assert_ne!(refreshed.access_token, auth.access_token);
    assert_eq!(harness.view().await.state(), State::Active);
}

#[tokio::test]
async fn a_wrong_secret_of_ours_costs_no_installation() {
    let harness = harness().await;
    harness.advance(LATER);
    // With status 200, as the OAuth server does it.
    harness
        .fake
        .world(|world| world.answer_once("oauth.token", Instead::Error(200, "wrong_client", "x")));
    assert_eq!(harness.issue(None).await.unwrap_err().code(), Code::Unavailable);
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn unknown_ones_are_not_found() {
    let harness = harness().await;
    for (app, member_id) in [("demo", "nobody"), ("nope", MEMBER)] {
        let request = IssueTokenRequest {
            app: app.into(),
            member_id: member_id.into(),
            rejected_sha256: Vec::new(),
        };
        assert_eq!(
            harness.service().issue_token(request).await.unwrap_err().code(),
            Code::NotFound
        );
    }
    let request = IssueTokenRequest {
        app: "demo".into(),
        member_id: MEMBER.into(),
        rejected_sha256: vec![1],
    };
    assert_eq!(
        harness.service().issue_token(request).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn each_bearer_token_opens_its_own_methods() {
    let harness = harness().await;
    let request = || IssueTokenRequest {
        app: "demo".into(),
        member_id: MEMBER.into(),
        rejected_sha256: Vec::new(),
    };
    for token in ["operator-token", "nonsense"] {
        let status = harness.client(token).issue_token(request()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    let list = proto::registrar::v1::ListInstallationsRequest::default;
    assert_eq!(
        harness.service().list_installations(list()).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let mut open = proto::registrar::v1::registrar_client::RegistrarClient::new(harness.channel());
    assert_eq!(
        open.sync(proto::registrar::v1::SyncRequest::default())
            .await
            .unwrap_err()
            .code(),
        Code::Unauthenticated
    );
}
