//! The contract of [`Storage`], for each engine.

use activity::Kind;
use proto::registrar::v1::Step;

use super::*;

/// An engine under test: where it stores, and how it is broken.
pub(super) trait Engine {
    fn new() -> Self;
    /// Opens what is there, or a new store.
    fn open(&self) -> Storage;
    /// From now on no registration with this code can be written.
    fn break_registrations(&self, code: &str);
}

/// One test a line of the contract and engine.
macro_rules! contract {
    ($module:ident, $engine:ty: $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&<$engine as super::Engine>::new()).await;
                }
            )*
        }
    };
}

contract! { sqlite, super::super::sqlite::tests::File:
    an_installation_comes_back_as_it_was_adopted
    the_newest_two_application_tokens_are_believed
    a_refresh_replaces_the_credentials
    tokens_are_spent_for_a_while
    a_reconciliation_is_recorded
    an_overtaken_reconciliation_writes_nothing
    an_uninstallation_erases
    registrations_are_written_and_forgotten
    a_write_that_fails_half_way_leaves_nothing
    one_revision_is_current_and_old_ones_stay_while_they_may_be_needed
    an_event_is_remembered_once
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key() -> Key {
    Key {
        app: "demo".into(),
        member_id: "m".into(),
    }
}

fn adoption(second: i64, application_token: Option<TokenDigest>) -> Adoption {
    Adoption {
        client_endpoint: "https://portal.example/rest/".into(),
        oauth_host: "https://oauth.example".into(),
        user_id: 7,
        administrator: true,
        state: State::Active,
        application_token,
        at: at(second),
    }
}

fn credentials(number: u8) -> SealedCredentials {
    SealedCredentials {
        sealed: vec![number; 4],
        refresh_token: Some([number; 32]),
    }
}

fn outcome(second: i64, state: State) -> Outcome {
    Outcome {
        state,
        problem: "why".into(),
        administrator_lost: true,
        bound: "https://gateway.example/event".into(),
        updated_all: false,
        at: at(second),
    }
}

fn registration(code: &str, revision: &str) -> Registration {
    Registration {
        code: code.into(),
        kind: Kind::Robot,
        name: "Name".into(),
        revision: revision.into(),
        digest: Some([3; 32]),
        step: Step::Add,
        observed: true,
        problem: "none".into(),
    }
}

/// With an installation whose credentials are number 1.
async fn installed(engine: &impl Engine) -> Storage {
    let storage = engine.open();
    storage.adopt(&key(), adoption(10, None), credentials(1)).await.unwrap();
    storage
}

async fn installation(storage: &Storage) -> (Installation, Option<Vec<u8>>) {
    storage.reads().installation(key()).await.unwrap().unwrap()
}

async fn registrations(storage: &Storage) -> Vec<Registration> {
    storage.reads().registrations(key()).await.unwrap()
}

async fn an_installation_comes_back_as_it_was_adopted(engine: &impl Engine) {
    let storage = engine.open();
    assert!(storage.reads().installation(key()).await.unwrap().is_none());
    assert!(storage.reads().any_with_credentials().await.unwrap().is_none());
    drop(storage);
    drop(installed(engine).await);

    let storage = engine.open();
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

async fn the_newest_two_application_tokens_are_believed(engine: &impl Engine) {
    let storage = engine.open();
    storage
        .adopt(&key(), adoption(10, Some([1; 32])), credentials(1))
        .await
        .unwrap();
    for (new, believed) in [(2, vec![2, 1]), (2, vec![2, 1]), (1, vec![1, 2]), (3, vec![3, 1])] {
        storage.learn(&key(), [new; 32]).await.unwrap();
        let tokens = installation(&storage).await.0.application_tokens;
        assert_eq!(
            tokens,
            believed.into_iter().map(|number| [number; 32]).collect::<Vec<_>>()
        );
    }
    storage.adopt(&key(), adoption(20, None), credentials(2)).await.unwrap();
    assert_eq!(installation(&storage).await.0.application_tokens, [[3; 32], [1; 32]]);
}

async fn a_refresh_replaces_the_credentials(engine: &impl Engine) {
    let storage = installed(engine).await;
    storage.refreshed(&key(), credentials(2), None, at(11)).await.unwrap();
    let (read, sealed) = installation(&storage).await;
    assert_eq!((sealed, read.adoptions), (Some(vec![2; 4]), 0));
    assert_eq!(read.client_endpoint, "https://portal.example/rest/");
    let moved = Some("https://moved.example/rest/".to_owned());
    storage.refreshed(&key(), credentials(3), moved, at(12)).await.unwrap();
    assert_eq!(
        installation(&storage).await.0.client_endpoint,
        "https://moved.example/rest/"
    );
    storage
        .set_endpoint(&key(), "https://again.example/rest/")
        .await
        .unwrap();
    assert_eq!(
        installation(&storage).await.0.client_endpoint,
        "https://again.example/rest/"
    );
}

async fn tokens_are_spent_for_a_while(engine: &impl Engine) {
    let storage = installed(engine).await;
    storage.refreshed(&key(), credentials(2), None, at(20)).await.unwrap();
    let spent = async |number: u8| storage.reads().is_spent([number; 32]).await.unwrap();
    assert!(spent(1).await && spent(2).await && !spent(3).await);
    storage.tidy(at(0), at(20)).await.unwrap();
    assert!(!spent(1).await && spent(2).await);
}

async fn a_reconciliation_is_recorded(engine: &impl Engine) {
    let storage = installed(engine).await;
    assert!(!storage.reconciled(&key(), 0, outcome(11, State::Active)).await.unwrap());
    assert!(
        storage
            .reconciled(&key(), 0, outcome(12, State::NoBizproc))
            .await
            .unwrap()
    );
    let (read, _) = installation(&storage).await;
    assert_eq!((read.state, read.problem.as_str()), (State::NoBizproc, "why"));
    assert!(read.administrator_lost);
    assert_eq!(read.bound, "https://gateway.example/event");
    assert_eq!((read.reconciled, read.updated_all), (Some(at(12)), None));
    let blind = Outcome {
        updated_all: true,
        ..outcome(13, State::NoBizproc)
    };
    storage.reconciled(&key(), 0, blind).await.unwrap();
    storage
        .reconciled(&key(), 0, outcome(14, State::NoBizproc))
        .await
        .unwrap();
    let (read, _) = installation(&storage).await;
    assert_eq!((read.reconciled, read.updated_all), (Some(at(14)), Some(at(13))));

    storage.set_state(&key(), State::TokenRevoked, "gone").await.unwrap();
    let (read, _) = installation(&storage).await;
    assert_eq!((read.state, read.problem.as_str()), (State::TokenRevoked, "gone"));
}

async fn an_overtaken_reconciliation_writes_nothing(engine: &impl Engine) {
    let storage = installed(engine).await;
    storage.adopt(&key(), adoption(20, None), credentials(2)).await.unwrap();
    assert!(
        !storage
            .reconciled(&key(), 0, outcome(21, State::NoBizproc))
            .await
            .unwrap()
    );
    let (read, _) = installation(&storage).await;
    assert_eq!((read.state, read.reconciled), (State::Active, None));
    assert!(
        storage
            .reconciled(&key(), 1, outcome(22, State::NoBizproc))
            .await
            .unwrap()
    );
}

async fn an_uninstallation_erases(engine: &impl Engine) {
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

async fn registrations_are_written_and_forgotten(engine: &impl Engine) {
    let storage = installed(engine).await;
    let (md5, sha) = (registration("md5", "a"), registration("sha", "a"));
    storage
        .put_registrations(&key(), vec![sha.clone(), md5.clone()])
        .await
        .unwrap();
    assert_eq!(registrations(&storage).await, [md5, sha.clone()]);
    let newer = Registration {
        kind: Kind::Activity,
        digest: None,
        ..registration("md5", "b")
    };
    storage.put_registrations(&key(), vec![newer.clone()]).await.unwrap();
    assert_eq!(registrations(&storage).await, [newer.clone(), sha]);
    storage
        .delete_registrations(&key(), vec!["sha".into(), "none".into()])
        .await
        .unwrap();
    assert_eq!(registrations(&storage).await, [newer]);
}

async fn a_write_that_fails_half_way_leaves_nothing(engine: &impl Engine) {
    let storage = installed(engine).await;
    engine.break_registrations("bad");
    let (one, bad) = (registration("one", "a"), registration("bad", "a"));
    let key = key();
    let (failed, other) = tokio::join!(
        storage.put_registrations(&key, vec![one, bad]),
        storage.learn(&key, [1; 32]),
    );
    assert!(matches!(failed, Err(StoreError::Statement { .. })), "{failed:?}");
    other.unwrap();
    assert!(registrations(&storage).await.is_empty());
    assert_eq!(installation(&storage).await.0.application_tokens, [[1; 32]]);
}

async fn one_revision_is_current_and_old_ones_stay_while_they_may_be_needed(engine: &impl Engine) {
    let storage = installed(engine).await;
    for (revision, second) in [("a", 10), ("b", 20), ("c", 30), ("b", 40)] {
        let revision = StoredRevision {
            app: "demo".into(),
            executor: "hasher".into(),
            revision: revision.into(),
            descriptors: revision.into(),
            current: true,
        };
        storage.make_current(revision, at(second)).await.unwrap();
    }
    let flags = async || {
        let all = storage.reads().revisions().await.unwrap().into_iter();
        all.map(|one| (one.revision, one.current)).collect::<Vec<_>>()
    };
    assert_eq!(
        flags().await,
        [("a".into(), false), ("b".into(), true), ("c".into(), false)]
    );
    assert_eq!(storage.reads().revisions().await.unwrap()[2].descriptors, b"c");

    // `a` was replaced at 20, `c` at 40; a portal's registration still names `a`.
    storage
        .put_registrations(&key(), vec![registration("md5", "a")])
        .await
        .unwrap();
    let prune = async |before: i64| storage.prune_revisions(at(before)).await.unwrap();
    assert_eq!(prune(40).await, 0, "one is named, the other too young");
    assert_eq!(prune(41).await, 1);
    assert_eq!(flags().await, [("a".into(), false), ("b".into(), true)]);
    storage.delete_registrations(&key(), vec!["md5".into()]).await.unwrap();
    assert_eq!(prune(1_000).await, 1, "the current one always stays");
}

async fn an_event_is_remembered_once(engine: &impl Engine) {
    let storage = engine.open();
    let taken = |reason: &str| Taken {
        believed: true,
        reason: reason.into(),
    };
    let event = async || storage.reads().event("demo".into(), "1".into()).await.unwrap();
    assert_eq!(event().await, None);
    storage
        .remember_event("demo", "1", &taken("first"), at(10))
        .await
        .unwrap();
    storage
        .remember_event("demo", "1", &taken("second"), at(11))
        .await
        .unwrap();
    assert_eq!(event().await, Some(taken("first")));
    storage.tidy(at(10), at(0)).await.unwrap();
    assert_eq!(event().await, Some(taken("first")));
    storage.tidy(at(11), at(0)).await.unwrap();
    assert_eq!(event().await, None);
}
