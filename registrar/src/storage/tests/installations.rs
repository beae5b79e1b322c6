//! Installations and their credentials.

use super::*;

pub(super) async fn an_installation_comes_back_as_it_was_adopted(engine: &impl Engine) {
    let storage = engine.open().await;
    assert!(storage.reads().installation(key()).await.unwrap().is_none());
    assert!(storage.reads().any_with_credentials().await.unwrap().is_none());
    drop(storage);
    drop(installed(engine).await);

    let storage = engine.open().await;
    let (read, sealed) = installation(&storage).await;
    assert_eq!(sealed, Some(vec![1; 4]));
    assert_eq!(
        (read.user_id, read.state, read.administrator_lost),
        (7, State::Active, false)
    );
    assert_eq!(read.client_endpoint, "https://portal.example/rest/");
    assert_eq!(read.oauth_host, "https://oauth.example");
    assert_eq!((read.created, read.adopted, read.adoptions), (at(10), at(10), 0));

    storage.adopt(&key(), adoption(20, None), credentials(2)).await.unwrap();
    let (read, sealed) = storage.reads().any_with_credentials().await.unwrap().unwrap();
    assert_eq!((sealed, read.adoptions), (Some(vec![2; 4]), 1));
    assert_eq!((read.created, read.adopted), (at(10), at(20)));
    assert_eq!(
        storage.reads().installations(Some("demo".into())).await.unwrap().len(),
        1
    );
    assert!(
        storage
            .reads()
            .installations(Some("other".into()))
            .await
            .unwrap()
            .is_empty()
    );
}

pub(super) async fn new_credentials_make_an_installation_as_new(engine: &impl Engine) {
    let storage = engine.open().await;
    let first = adoption(10, Some([1; 32]));
    storage.adopt(&key(), first, credentials(1)).await.unwrap();
    let md5 = registration("md5", "a");
    storage.put_registrations(&key(), vec![md5.clone()]).await.unwrap();
    let blind = Outcome {
        updated_all: true,
        ..outcome(11, State::NoBizproc)
    };
    storage.reconciled(&key(), 0, blind).await.unwrap();

    // An access token alone, of a user who is no administrator.
    let lent = Adoption {
        client_endpoint: "https://moved.example/rest/".into(),
        oauth_host: "https://other.example".into(),
        user_id: 8,
        administrator: false,
        state: State::Temporary,
        application_token: Some([2; 32]),
        at: at(20),
    };
    let token = SealedCredentials {
        sealed: vec![2; 4],
        refresh_token: None,
    };
    storage.adopt(&key(), lent, token).await.unwrap();
    let expected = Installation {
        key: key(),
        client_endpoint: "https://moved.example/rest/".into(),
        oauth_host: "https://other.example".into(),
        user_id: 8,
        state: State::Temporary,
        application_tokens: vec![[2; 32], [1; 32]],
        created: at(10),
        adopted: at(20),
        adoptions: 1,
        administrator_lost: true,
        bound: String::new(),
        reconciled: Some(at(11)),
        updated_all: Some(at(11)),
        problem: String::new(),
        refused_since: None,
    };
    assert_eq!(installation(&storage).await, (expected, Some(vec![2; 4])));
    assert_eq!(registrations(&storage).await, [md5]);

    storage.adopt(&key(), adoption(30, None), credentials(3)).await.unwrap();
    assert!(!installation(&storage).await.0.administrator_lost);
}

pub(super) async fn a_doubt_is_kept_until_something_ends_it(engine: &impl Engine) {
    let storage = installed(engine).await;
    let doubt = async || {
        let found = installation(&storage).await.0;
        (found.problem, found.refused_since)
    };
    let begin = async || {
        storage.doubt(&key(), "first", at(20)).await.unwrap();
        storage.doubt(&key(), "again", at(30)).await.unwrap();
        assert_eq!(doubt().await, ("again".to_owned(), Some(at(20))));
    };
    begin().await;
    storage.reconciled(&key(), 0, outcome(40, State::Active)).await.unwrap();
    assert_eq!(doubt().await.1, Some(at(20)), "a pass alone does not end it");
    storage.refreshed(&key(), credentials(2), None, at(50)).await.unwrap();
    assert_eq!(doubt().await, (String::new(), None));
    begin().await;
    storage.set_state(&key(), State::TokenRevoked, "lost").await.unwrap();
    assert_eq!(doubt().await, ("lost".to_owned(), None));
    begin().await;
    storage.adopt(&key(), adoption(60, None), credentials(3)).await.unwrap();
    assert_eq!(doubt().await, (String::new(), None));
    begin().await;
    storage.uninstall(&key()).await.unwrap();
    assert_eq!(doubt().await, (String::new(), None));
}

pub(super) async fn installations_come_by_app_and_portal(engine: &impl Engine) {
    let storage = engine.open().await;
    for (app, member_id) in [("b", "1"), ("a", "2"), ("b", "0"), ("a", "3")] {
        let key = key_of(app, member_id);
        storage.adopt(&key, adoption(10, None), credentials(1)).await.unwrap();
    }
    let keys = async |app: Option<&str>| {
        let all = storage.reads().installations(app.map(Into::into)).await.unwrap();
        all.into_iter().map(|one| one.key).collect::<Vec<_>>()
    };
    let (a, b) = (
        [key_of("a", "2"), key_of("a", "3")],
        [key_of("b", "0"), key_of("b", "1")],
    );
    assert_eq!(keys(None).await, [a.as_slice(), b.as_slice()].concat());
    assert_eq!(keys(Some("b")).await, b);
}

/// Two apps on a portal, and an app on two portals, have nothing in common.
pub(super) async fn a_write_is_of_one_installation_alone(engine: &impl Engine) {
    let storage = installed(engine).await;
    let others = [key_of("demo", "other"), key_of("other", "m")];
    for (number, other) in (8..).zip(&others) {
        let adoption = adoption(10, Some([number; 32]));
        storage.adopt(other, adoption, credentials(number)).await.unwrap();
        let md5 = registration("md5", "a");
        storage.put_registrations(other, vec![md5]).await.unwrap();
    }
    let all = async || {
        let mut all = Vec::new();
        for other in &others {
            let stored = storage.reads().installation(other.clone()).await.unwrap();
            all.push((
                stored.unwrap(),
                storage.reads().registrations(other.clone()).await.unwrap(),
            ));
        }
        all
    };
    let before = all().await;
    assert_eq!((before.len(), before[0].1.len()), (2, 1));

    let (key, moved) = (key(), "https://moved.example/rest/");
    storage.learn(&key, [1; 32]).await.unwrap();
    assert_eq!(all().await, before, "learn");
    let endpoint = Some(moved.to_owned());
    storage.refreshed(&key, credentials(2), endpoint, at(20)).await.unwrap();
    assert_eq!(all().await, before, "refreshed");
    storage.doubt(&key, "why", at(20)).await.unwrap();
    assert_eq!(all().await, before, "doubt");
    storage.set_endpoint(&key, moved).await.unwrap();
    assert_eq!(all().await, before, "set_endpoint");
    storage.set_state(&key, State::TokenRevoked, "gone").await.unwrap();
    assert_eq!(all().await, before, "set_state");
    assert!(
        storage
            .reconciled(&key, 0, outcome(21, State::NoBizproc))
            .await
            .unwrap()
    );
    assert_eq!(all().await, before, "reconciled");
    let newer = vec![registration("md5", "b")];
    storage.put_registrations(&key, newer).await.unwrap();
    assert_eq!(registrations(&storage).await, [registration("md5", "b")]);
    assert_eq!(all().await, before, "put_registrations");
    storage.delete_registrations(&key, vec!["md5".into()]).await.unwrap();
    assert_eq!(all().await, before, "delete_registrations");
    let again = adoption(30, Some([3; 32]));
    storage.adopt(&key, again, credentials(3)).await.unwrap();
    assert_eq!(all().await, before, "adopt");
    storage.uninstall(&key).await.unwrap();
    assert_eq!(all().await, before, "uninstall");
}

pub(super) async fn what_names_no_installation_writes_none(engine: &impl Engine) {
    let storage = engine.open().await;
    let key = key();
    storage.learn(&key, [1; 32]).await.unwrap();
    storage.refreshed(&key, credentials(1), None, at(10)).await.unwrap();
    storage.set_endpoint(&key, "https://a.example/rest/").await.unwrap();
    storage.set_state(&key, State::Active, "").await.unwrap();
    assert!(!storage.reconciled(&key, 0, outcome(11, State::Active)).await.unwrap());
    let md5 = registration("md5", "a");
    storage.put_registrations(&key, vec![md5]).await.unwrap();
    storage.uninstall(&key).await.unwrap();
    assert!(storage.reads().installations(None).await.unwrap().is_empty());
    assert!(registrations(&storage).await.is_empty());
}

pub(super) async fn an_uninstallation_erases(engine: &impl Engine) {
    let storage = installed(engine).await;
    storage
        .put_registrations(&key(), vec![registration("md5", "a")])
        .await
        .unwrap();
    storage.uninstall(&key()).await.unwrap();
    let (read, sealed) = installation(&storage).await;
    assert_eq!((read.state, sealed), (State::Uninstalled, None));
    assert!(registrations(&storage).await.is_empty());
    assert!(storage.reads().any_with_credentials().await.unwrap().is_none());

    // What a pass that was under way still writes.
    storage
        .put_registrations(&key(), vec![registration("md5", "a")])
        .await
        .unwrap();
    assert!(!storage.reconciled(&key(), 0, outcome(30, State::Active)).await.unwrap());
    assert!(registrations(&storage).await.is_empty());
    assert_eq!(installation(&storage).await.0.state, State::Uninstalled);
}

/// Whoever finds it out: the portal has deleted the activities with the app.
pub(super) async fn what_is_found_uninstalled_has_no_activities(engine: &impl Engine) {
    let storage = installed(engine).await;
    let md5 = || vec![registration("md5", "a")];
    storage.put_registrations(&key(), md5()).await.unwrap();
    let found = || outcome(30, State::Uninstalled);
    assert!(!storage.reconciled(&key(), 7, found()).await.unwrap());
    assert_eq!(registrations(&storage).await, md5(), "a pass over older credentials");
    assert!(storage.reconciled(&key(), 0, found()).await.unwrap());
    assert!(registrations(&storage).await.is_empty());

    storage.put_registrations(&key(), md5()).await.unwrap();
    storage.set_state(&key(), State::TokenRevoked, "").await.unwrap();
    assert_eq!(registrations(&storage).await, md5());
    storage.set_state(&key(), State::Uninstalled, "").await.unwrap();
    assert!(registrations(&storage).await.is_empty());
}

/// An old application token still proves who the portal was, and a spent refresh token never comes back.
pub(super) async fn an_uninstallation_keeps_what_late_requests_are_known_by(engine: &impl Engine) {
    let storage = engine.open().await;
    let adoption = adoption(10, Some([5; 32]));
    storage.adopt(&key(), adoption, credentials(1)).await.unwrap();
    let before = installation(&storage).await.0;
    storage
        .reconciled(&key(), 0, outcome(11, State::NoBizproc))
        .await
        .unwrap();
    storage.uninstall(&key()).await.unwrap();
    // Nothing is bound, nothing is wrong; who it was stays.
    let expected = Installation {
        state: State::Uninstalled,
        administrator_lost: true,
        reconciled: Some(at(11)),
        ..before
    };
    assert_eq!(installation(&storage).await, (expected, None));
    assert!(storage.reads().is_spent([1; 32]).await.unwrap());
}
