//! Callbacks that a gateway could not authenticate.

use proto::registrar::v1::{Auth, InstallationState as State, Verdict};
use tonic::Code;

use crate::{
    fake::{Instead, Token},
    harness::{APPLICATION_TOKEN, Harness, sha256},
};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];

/// As callbacks of 2015 are: no refresh token, no endpoints.
fn seed(auth: Auth) -> Auth {
    Auth {
        refresh_token: String::new(),
        server_endpoint: String::new(),
        client_endpoint: String::new(),
        ..auth
    }
}

#[tokio::test]
async fn a_callback_is_proved_by_its_own_token() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    let old = Auth {
        application_token: String::new(),
        ..seed(harness.auth(3))
    };
    assert_eq!(harness.prove(old).await.unwrap().verdict(), Verdict::Proved);
    let forged = Auth {
        access_token: "nonsense".into(),
        ..harness.auth(1)
    };
    assert_eq!(harness.prove(forged).await.unwrap().verdict(), Verdict::Disproved);
    let token = Token {
        user: 1,
        member: "member-2".into(),
        client: "local.demo".into(),
    };
    harness.fake.world(|world| world.access.insert("foreign".into(), token));
    let foreign = Auth {
        access_token: "foreign".into(),
        ..harness.auth(1)
    };
    assert_eq!(harness.prove(foreign).await.unwrap().verdict(), Verdict::Disproved);

    let expired = harness.auth(1);
    harness
        .fake
        .world(|world| world.expired.insert(expired.access_token.clone()));
    assert_eq!(harness.prove(expired).await.unwrap().verdict(), Verdict::Unknown);
    harness
        .fake
        .world(|world| world.answer_once("app.info", Instead::Html(503)));
    assert_eq!(
        harness.prove(harness.auth(1)).await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn only_the_administrators_callback_teaches_an_application_token() {
    let harness = Harness::start(&ONE).await;
    harness.fake.world(|world| world.installed = true);
    harness
        .install(Auth {
            application_token: String::new(),
            ..harness.auth(1)
        })
        .await;
    for user in [2, 3] {
        let auth = Auth {
            application_token: "forged".into(),
            ..seed(harness.auth(user))
        };
        assert_eq!(harness.prove(auth).await.unwrap().verdict(), Verdict::Proved);
    }
    let tokens = harness
        .sync_until(|one| !one.installations.is_empty())
        .await
        .installations
        .remove(0);
    assert!(
        tokens.application_token_sha256.is_empty(),
        "another user's word does not count"
    );
    assert_eq!(
        harness.prove(seed(harness.auth(1))).await.unwrap().verdict(),
        Verdict::Proved
    );
    let snapshot = harness
        .sync_until(|one| !one.installations[0].application_token_sha256.is_empty())
        .await;
    assert_eq!(
        snapshot.installations[0].application_token_sha256,
        [sha256(APPLICATION_TOKEN)]
    );
}

#[tokio::test]
async fn without_an_installation_it_lives_on_the_callbacks_token_until_that_expires() {
    let mut harness = Harness::start(&ONE).await;
    harness.fake.world(|world| world.installed = true);
    let auth = seed(harness.auth(1));
    assert_eq!(harness.prove(auth.clone()).await.unwrap().verdict(), Verdict::Proved);
    assert_eq!(harness.view().await.state(), State::Temporary);
    assert_eq!(harness.issue(None).await.unwrap().access_token, auth.access_token);
    harness.fake.until(|world| world.activities.contains_key("md5")).await;
    harness.stop().await;
    let kept = std::fs::read(harness.folder.path().join("registrar.db")).unwrap();
    let token = auth.access_token.as_bytes();
    assert!(
        !kept.windows(token.len()).any(|bytes| bytes == token),
        "the token is sealed"
    );
    harness.run().await;

    harness.advance(3601);
    assert!(
        harness.issue(None).await.is_err(),
        "there is nothing to refresh it with"
    );
    // The administrator opens the app.
    assert!(harness.install(harness.auth(1)).await.administrator);
    assert_eq!(harness.view().await.state(), State::Active);
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn a_callback_never_replaces_an_installation_that_works() {
    let harness = Harness::start(&ONE).await;
    harness.installed().await;
    let token = harness.issue(None).await.unwrap().access_token;
    let another = harness.auth(3);
    assert_eq!(harness.prove(another).await.unwrap().verdict(), Verdict::Proved);
    assert_eq!(harness.issue(None).await.unwrap().access_token, token);
    assert_eq!(harness.view().await.state(), State::Active);
}

#[tokio::test]
async fn an_administrators_callback_with_a_refresh_token_is_an_installation() {
    let harness = Harness::start(&ONE).await;
    harness.fake.world(|world| world.installed = true);
    assert_eq!(harness.prove(harness.auth(1)).await.unwrap().verdict(), Verdict::Proved);
    harness.issue(None).await.unwrap();
    harness.fake.until(|world| world.activities.contains_key("md5")).await;

    // And it heals one whose token was revoked.
    harness.fake.world(|world| {
        world.refresh.clear();
        world.access.clear();
    });
    assert_eq!(harness.lost().await.state(), State::TokenRevoked);
    assert_eq!(harness.prove(harness.auth(2)).await.unwrap().verdict(), Verdict::Proved);
    harness.issue(None).await.unwrap();
}
