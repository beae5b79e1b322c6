//! What is on the disk.

use crate::{
    fake::CLIENT_SECRET,
    harness::{APPLICATION_TOKEN, Harness},
};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];

#[tokio::test]
async fn no_file_holds_a_token() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness.advance(4_000);
    let issued = harness.issue(None).await.unwrap();
    harness.stop().await;
    let mut secrets: Vec<String> = harness.fake.world(|world| world.access.keys().cloned().collect());
    secrets.extend(
        harness
            .fake
            .world(|world| world.refresh.keys().cloned().collect::<Vec<_>>()),
    );
    secrets.extend(
        [
            APPLICATION_TOKEN,
            CLIENT_SECRET,
            "service-token",
            "operator-token",
            "access-secret",
            "refresh-secret",
        ]
        .map(Into::into),
    );
    assert!(secrets.contains(&issued.access_token));
    let mut files = 0;
    for file in std::fs::read_dir(harness.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        files += usize::from(bytes.windows(8).any(|window| window == b"member-1"));
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret}", path.display());
        }
    }
    assert!(files > 0, "the store was among the files");
}

#[tokio::test]
async fn credentials_outlive_a_restart() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    let before = harness.issue(None).await.unwrap();
    harness.restart().await;
    assert_eq!(harness.issue(None).await.unwrap(), before);
    harness.advance(4_000);
    let fresh = harness.issue(None).await.unwrap();
    harness.restart().await;
    assert_eq!(
        harness.issue(None).await.unwrap(),
        fresh,
        "the new pair was stored before it was handed out"
    );
}

#[tokio::test]
async fn another_key_is_noticed_at_the_start() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    harness.stop().await;
    harness.config.store.key = Some("ab".repeat(32).into());
    let sockets = registrar::Sockets::bind(&harness.config).await.unwrap();
    let error = registrar::run(harness.config.clone(), sockets, service::Parts::plain())
        .await
        .unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("registrar.store.key") && text.contains("another key"),
        "{text}"
    );
}
