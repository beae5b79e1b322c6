//! What installations are known by, and their credentials.

use super::*;

pub(super) async fn writes_take_effect_in_their_order(engine: &impl Engine) {
    let storage = installed(engine).await;
    let key = key();
    let (one, two, three) = tokio::join!(
        storage.learn(&key, [1; 32]),
        storage.learn(&key, [2; 32]),
        storage.learn(&key, [3; 32]),
    );
    one.and(two).and(three).unwrap();
    assert_eq!(installation(&storage).await.0.application_tokens, [[3; 32], [2; 32]]);
}

pub(super) async fn the_newest_two_application_tokens_are_believed(engine: &impl Engine) {
    let storage = engine.open().await;
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

pub(super) async fn a_refresh_replaces_the_credentials(engine: &impl Engine) {
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

pub(super) async fn tokens_are_spent_for_a_while(engine: &impl Engine) {
    let storage = installed(engine).await;
    storage.refreshed(&key(), credentials(2), None, at(20)).await.unwrap();
    let spent = async |number: u8| storage.reads().is_spent([number; 32]).await.unwrap();
    assert!(spent(1).await && spent(2).await && !spent(3).await);
    // A repeat is no error.
    storage.refreshed(&key(), credentials(2), None, at(20)).await.unwrap();
    storage.tidy(at(0), at(20)).await.unwrap();
    assert!(!spent(1).await && spent(2).await);
}
