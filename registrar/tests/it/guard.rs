//! Portals at addresses that are not public.

use tonic::Code;

use crate::harness::Harness;

async fn start(private_portals: &[&str]) -> Harness {
    let mut harness = Harness::prepare().await;
    harness.config.private_portals = private_portals.iter().map(|place| place.parse().unwrap()).collect();
    harness.define(&[("md5", "MD5")]);
    harness.run().await;
    harness.fake.world(|world| world.installed = true);
    harness
}

#[tokio::test]
async fn they_are_called_only_if_the_configuration_names_them() {
    let harness = start(&["10.0.0.0/8", "portal.corp"]).await;
    let refused = harness.try_install(harness.auth(1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let named =
        "127.0.0.1 is no public address: if it may be called, name it or its network in `registrar.private_portals`";
    assert!(refused.message().contains(named), "{refused}");
    // The OAuth server is there, too, and is the configuration's word.
    let (asked, called) = harness.fake.world(|world| (world.count("app.info"), world.calls.len()));
    assert_eq!((asked, called), (1, 1), "no token went to the portal");
}

#[tokio::test]
async fn a_name_is_checked_by_the_addresses_that_it_has() {
    for (places, allowed) in [
        (&[][..], false),
        (&["localhost"], true),
        (&["127.0.0.0/8", "::1"], true),
    ] {
        let harness = start(places).await;
        harness.fake.world(|world| world.named = true);
        match harness.try_install(harness.auth(1)).await {
            Ok(response) => assert!(allowed && response.administrator, "{places:?}"),
            Err(status) => assert!(
                !allowed && status.message().contains("localhost is at "),
                "{places:?} {status}"
            ),
        }
    }
}
