//! How a reconciliation ends.

use super::*;

pub(super) async fn a_reconciliation_is_recorded(engine: &impl Engine) {
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

pub(super) async fn an_overtaken_reconciliation_writes_nothing(engine: &impl Engine) {
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
