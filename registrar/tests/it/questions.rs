//! How much the OAuth server is asked because of requests.

use proto::registrar::v1::{
    Auth, HandleEventRequest, HandleEventResponse, InstallRequest, ProveCallbackRequest, ProveCallbackResponse, Verdict,
};
use registrar::Questions;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    definitions::reqwest_text,
    harness::{APPLICATION_TOKEN, Harness},
};

async fn start() -> Harness {
    let mut harness = Harness::prepare().await;
    harness.config.questions = Questions {
        per_minute: 60,
        per_source_per_minute: 10,
    };
    harness.define(&[("md5", "MD5")]);
    harness.run().await;
    harness
}

/// Of a portal that nobody knows, with a token that nobody was given.
fn forged(number: usize) -> Auth {
    Auth {
        access_token: format!("forged-{number}"),
        member_id: "nobody".into(),
        application_token: APPLICATION_TOKEN.into(),
        ..Auth::default()
    }
}

async fn prove(harness: &Harness, auth: Auth, source: &str) -> Result<ProveCallbackResponse, Status> {
    let request = ProveCallbackRequest {
        app: "demo".into(),
        auth: Some(auth),
        source: source.into(),
    };
    Ok(harness.service().prove_callback(request).await?.into_inner())
}

async fn event(harness: &Harness, auth: Auth, source: &str) -> Result<HandleEventResponse, Status> {
    let request = HandleEventRequest {
        app: "demo".into(),
        event: "ONAPPINSTALL".into(),
        auth: Some(auth),
        source: source.into(),
        ..HandleEventRequest::default()
    };
    Ok(harness.service().handle_event(request).await?.into_inner())
}

fn questions(harness: &Harness) -> usize {
    harness.fake.world(|world| world.count("app.info"))
}

#[tokio::test]
async fn a_flood_of_forged_callbacks_asks_within_the_budget_and_keeps_nobody_out() {
    let harness = start().await;
    harness.installed().await;
    let before = questions(&harness);
    let mut put_off = 0;
    for number in 0..400 {
        let source = format!("203.0.113.{}", number % 8);
        match prove(&harness, forged(number), &source).await {
            Ok(response) => assert_eq!(response.verdict(), Verdict::Disproved),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted);
                assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap().as_secs() > 0);
                put_off += 1;
            }
        }
    }
    let asked = questions(&harness) - before;
    assert!(asked <= 30 && asked + put_off == 400, "{asked} {put_off}");
    assert_eq!(
        event(&harness, forged(1000), "203.0.113.99").await.unwrap_err().code(),
        Code::ResourceExhausted
    );

    // Who names an installation comes in, a person does, and a token is refreshed.
    let known = prove(&harness, harness.auth(3), "198.51.100.1").await.unwrap();
    assert_eq!(known.verdict(), Verdict::Proved);
    let flood = async |limit| {
        for number in 0..limit {
            let member = Auth {
                member_id: harness.auth(1).member_id,
                ..forged(number)
            };
            let source = format!("203.0.114.{}", number % 100);
            let _ = prove(&harness, member, &source).await;
        }
    };
    flood(200).await;
    assert!(questions(&harness) - before <= 45, "a quarter is left");
    assert!(harness.install(harness.auth(1)).await.administrator);
    harness.advance(3601);
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn what_has_no_budget_is_proved_later() {
    let harness = start().await;
    harness.fake.world(|world| world.installed = true);
    for number in 0..10 {
        prove(&harness, forged(number), "203.0.113.5").await.unwrap();
    }
    let auth = harness.auth(1);
    let refused = prove(&harness, auth.clone(), "203.0.113.5").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(!refused.message().contains(&auth.access_token), "{refused}");
    let page = InstallRequest {
        app: "demo".into(),
        auth: Some(auth.clone()),
        source: "203.0.113.5".into(),
        ..InstallRequest::default()
    };
    let refused = harness.service().install(page).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "too many requests are to be proved at the OAuth server: again in 6 s"
    );
    harness.advance(6);
    let proved = prove(&harness, auth.clone(), "203.0.113.5").await.unwrap();
    assert_eq!(proved.verdict(), Verdict::Proved);
    // What proves its sender costs the source nothing.
    for _ in 0..5 {
        let proved = prove(&harness, auth.clone(), "203.0.113.5").await.unwrap();
        assert_eq!(proved.verdict(), Verdict::Proved);
    }
}

#[tokio::test]
async fn what_was_disproved_is_not_asked_again() {
    let harness = start().await;
    for _ in 0..50 {
        let verdict = prove(&harness, forged(1), "203.0.113.5").await.unwrap().verdict();
        assert_eq!(verdict, Verdict::Disproved);
        assert!(!event(&harness, forged(1), "203.0.113.6").await.unwrap().believed);
    }
    assert_eq!(questions(&harness), 1);
    let metrics = reqwest_text(&format!("{}/metrics", harness.admin())).await;
    for line in [
        "registrar_questions_total{asker=\"stranger\"} 1",
        "registrar_questions_saved_total 99",
        "registrar_questions_put_off_total{asker=\"stranger\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    harness.advance(3600);
    prove(&harness, forged(1), "203.0.113.5").await.unwrap();
    assert_eq!(questions(&harness), 2);
}
