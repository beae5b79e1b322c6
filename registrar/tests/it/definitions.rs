//! Descriptors of executors.

use std::time::Duration;

use registrar::{Descriptors, Executor};
use service::{Lifecycle, Parts};

use crate::harness::{Harness, descriptors};

const ONE: [(&str, &str); 1] = [("md5", "MD5")];

#[tokio::test]
async fn definitions_are_listed_as_they_are_registered() {
    let harness = Harness::start(&ONE).await;
    harness.sync_until(|snapshot| !snapshot.revisions.is_empty()).await;
    let list = harness.activities().await;
    assert!(list.problems.is_empty(), "{:?}", list.problems);
    let definition = &list.definitions[0];
    assert_eq!((definition.code.as_str(), definition.robot), ("md5", false));
    assert_eq!(definition.method, "test.v1.Tools/M0");
    let parameters: serde_json::Value = serde_json::from_str(&definition.parameters_json).unwrap();
    assert_eq!(parameters["CODE"], "md5");
    assert!(parameters.get("HANDLER").is_none());
}

#[tokio::test]
async fn a_bad_set_replaces_nothing_and_is_told() {
    let mut harness = Harness::start(&ONE).await;
    harness.installed().await;
    let good = harness.activities().await.definitions;
    for (name, bytes, part) in [
        ("not descriptors", b"nonsense".to_vec(), ""),
        ("nothing annotated", proto_without_annotations(), "no method"),
        ("a code without English name", descriptors(&[("md5", "")]), ""),
    ] {
        harness.write_descriptors(&bytes);
        harness.reconcile().await;
        let list = harness.activities().await;
        assert_eq!(list.definitions, good, "{name}");
        assert_eq!(list.problems.len(), 1, "{name}");
        assert!(
            list.problems[0].problem.contains(part) && !list.problems[0].problem.is_empty(),
            "{name}"
        );
    }
    harness.restart().await;
    harness.reconcile().await;
    assert_eq!(
        harness.activities().await.definitions,
        good,
        "still, after a restart with the bad file"
    );
    harness.define(&ONE);
    harness.reconcile().await;
    assert!(harness.activities().await.problems.is_empty());
}

#[tokio::test]
async fn an_executor_claims_only_what_its_configuration_allows() {
    let mut harness = Harness::prepare().await;
    harness.config.executors.get_mut("tools").unwrap().codes = vec!["doc*".parse().unwrap()];
    harness.define(&ONE);
    harness.run().await;
    harness
        .operator()
        .reconcile(proto::registrar::v1::ReconcileRequest::default())
        .await
        .unwrap();
    let list = harness.activities().await;
    assert!(list.definitions.is_empty());
    assert!(list.problems[0].problem.contains("md5"), "{}", list.problems[0].problem);
}

#[tokio::test]
async fn a_code_belongs_to_one_executor() {
    let mut harness = Harness::prepare().await;
    harness.define(&ONE);
    harness.run().await;
    harness.sync_until(|snapshot| !snapshot.revisions.is_empty()).await;
    harness.stop().await;
    let second = harness.folder.path().join("second.bin");
    std::fs::write(&second, descriptors(&[("md5", "Somebody else's")])).unwrap();
    let tools = harness.config.executors["tools"].clone();
    harness.config.executors.insert(
        "second".into(),
        Executor {
            descriptors: Descriptors::File(second),
            ..tools
        },
    );
    harness.run().await;
    harness
        .operator()
        .reconcile(proto::registrar::v1::ReconcileRequest::default())
        .await
        .unwrap();
    let list = harness.activities().await;
    assert_eq!(list.definitions.len(), 1);
    assert_eq!(list.definitions[0].executor, "tools");
    assert!(
        list.problems[0].problem.contains("belongs to the executor `tools`"),
        "{}",
        list.problems[0].problem
    );
}

#[tokio::test]
async fn an_executor_that_is_down_holds_up_nobody_and_is_read_when_it_comes() {
    let mut harness = Harness::prepare().await;
    let toml = "[hasher]\ngrpc.listen = '127.0.0.1:0'\nadmin.listen = '127.0.0.1:0'";
    let config: hasher::Config = service::config::parse(toml, [("", ""); 0]).unwrap();
    let sockets = hasher::Sockets::bind(&config).await.unwrap();
    let address = sockets.grpc.local_addr().unwrap();
    drop(sockets);
    let tools = harness.config.executors.get_mut("tools").unwrap();
    (tools.uri, tools.descriptors) = (format!("http://{address}"), Descriptors::Reflection);
    harness.run().await;
    assert!(harness.sync("", 0).await.revisions.is_empty());
    harness
        .operator()
        .reconcile(proto::registrar::v1::ReconcileRequest::default())
        .await
        .unwrap();
    assert!(
        harness.activities().await.problems[0]
            .problem
            .contains("does not answer")
    );
    let ready = reqwest_text(&format!("{}/ready", harness.admin())).await;
    assert_eq!(ready, "ready\n");

    let lifecycle = Lifecycle::default();
    let parts = Parts {
        lifecycle: lifecycle.clone(),
        ..Parts::plain()
    };
    let grpc = tokio::net::TcpListener::bind(address).await.unwrap();
    let sockets = hasher::Sockets {
        grpc,
        ..hasher::Sockets::bind(&config).await.unwrap()
    };
    let task = tokio::spawn(hasher::run(config, sockets, parts));
    let snapshot = harness.sync_until(|snapshot| !snapshot.revisions.is_empty()).await;
    let codes: Vec<_> = harness
        .activities()
        .await
        .definitions
        .into_iter()
        .map(|one| one.code)
        .collect();
    assert!(codes.contains(&"md5".to_owned()), "{codes:?}");

    lifecycle.stop();
    tokio::time::timeout(Duration::from_secs(10), task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    harness
        .operator()
        .reconcile(proto::registrar::v1::ReconcileRequest::default())
        .await
        .unwrap();
    assert_eq!(
        harness.sync("", 0).await.revisions,
        snapshot.revisions,
        "gone again, and nothing is lost"
    );
}

fn proto_without_annotations() -> Vec<u8> {
    let mut compiler = protox::Compiler::new([concat!(env!("CARGO_MANIFEST_DIR"), "/../proto")]).unwrap();
    compiler
        .include_imports(true)
        .open_file("gateway/v1/jobs.proto")
        .unwrap();
    compiler.encode_file_descriptor_set()
}

pub(crate) async fn reqwest_text(url: &str) -> String {
    let client = bitrix::rest::client_builder().build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}
