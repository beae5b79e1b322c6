//! What a failure of the executor or of the portal does to a job.

use harness::until;
use proto::gateway::v1::{Job, Outcome, State};
use serde_json::json;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    executor::value,
    harness::{Callback, Gateway, World},
};

/// Posts one callback and waits for its job.
async fn run(world: &World, gateway: &Gateway, callback: &Callback, state: State) -> Job {
    assert_eq!(world.callback(gateway, callback).await.as_u16(), 200);
    gateway.the_job(state).await
}

#[tokio::test]
async fn a_portal_at_an_address_that_is_not_public_is_not_called() {
    let world = World::new().await;
    for (host, at) in [
        ("127.0.0.1", "127.0.0.1 is no public address"),
        ("localhost", "localhost is at "),
    ] {
        let endpoint = world.portal.endpoint.replace("127.0.0.1", host);
        if let Ok(token) = &mut *world.registrar.state.token.lock() {
            token.client_endpoint.clone_from(&endpoint);
        }
        let mut config = world.config();
        config.private_portals.clear();
        config.store.path = world.folder.path().join(format!("{host}.db"));
        let gateway = Gateway::start(config).await;
        gateway.ready(&world.http).await;
        world.callback(&gateway, &Callback::new("x")).await;
        let refused = async || {
            let problems: Vec<_> = gateway
                .jobs(State::Unspecified)
                .await
                .into_iter()
                .map(|job| job.problem)
                .collect();
            let told = |problem: &String| problem.contains(at) && problem.contains("`gateway.private_portals`");
            if problems.iter().any(told) {
                Ok(())
            } else {
                Err(problems)
            }
        };
        until(refused).await;
        gateway.stop().await;
    }
    assert!(world.portal.sent().is_empty(), "no token went there");
}

#[tokio::test]
async fn a_business_error_is_answered_at_once() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.executor.refuse(Status::invalid_argument("the text is too short"));
    let job = run(&world, &gateway, &Callback::new("x"), State::Sent).await;
    assert_eq!(job.outcome(), Outcome::AnsweredError);
    assert_eq!(job.problem, "the text is too short");
    let sent = world.portal.sent();
    assert_eq!(sent[0]["return_values"], json!({}));
    assert_eq!(
        sent[0]["log_message"],
        format!("the text is too short; job {}, trace {}", job.id, job.trace_id)
    );
}

#[tokio::test]
async fn an_error_output_carries_it() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let callback = Callback::new("x")
        .with("code", "digest")
        .with("properties[algorithm]", "md5");
    let job = run(&world, &gateway, &callback, State::Sent).await;
    assert_eq!(job.outcome(), Outcome::AnsweredError);
    let values = world.portal.sent()[0]["return_values"].clone();
    assert_eq!(
        values,
        json!({"errorCode": "INVALID_ARGUMENT", "errorMessage": "no such algorithm"})
    );
}

#[tokio::test]
async fn a_value_that_does_not_fit_never_reaches_the_executor() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut callback = Callback::new("x");
    let body = callback.body().replace("inputString%5D=x", "inputString%5D=%FF%FE");
    let path = format!("/bitrix/demo/activity/{}", world.registrar.revision);
    assert_eq!(world.post(&gateway, &path, body).await.0.as_u16(), 200);
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(job.outcome(), Outcome::AnsweredError);
    assert!(job.problem.contains("inputString"), "{}", job.problem);
    assert!(world.executor.called().is_empty());

    callback = Callback::numbered(2, "x")
        .with("properties[inputString]", "a")
        .with("properties[inputString][k]", "b");
    world.callback(&gateway, &callback).await;
    let sent = world.portal.calls(2).await;
    assert!(
        sent[1]["log_message"].as_str().unwrap().contains("inputString"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_message_that_the_executor_refuses_as_too_large_is_answered_at_once() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let text = "grpc: received message larger than max (5242880 vs. 4194304)";
    world.executor.refuse(Status::resource_exhausted(text));
    let job = run(&world, &gateway, &Callback::new("x"), State::Sent).await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::AnsweredError, 1));
    assert_eq!(job.problem, format!("a message is too large for the executor: {text}"));
    let log_message = world.portal.sent()[0]["log_message"].as_str().unwrap().to_owned();
    assert!(log_message.contains("5242880 vs. 4194304"), "{log_message}");
}

#[tokio::test]
async fn an_executor_that_is_away_is_called_again() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let details = ErrorDetails::with_retry_info(Some(std::time::Duration::from_millis(50)));
    world
        .executor
        .refuse(Status::with_error_details(Code::Unavailable, "draining", details));
    let job = run(&world, &gateway, &Callback::new("x"), State::Sent).await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::Answered, 2));
    let attempts: Vec<_> = world
        .executor
        .called()
        .iter()
        .map(|(metadata, _)| metadata.get("x-bizproc-attempt").unwrap().clone())
        .collect();
    assert_eq!(attempts, ["1", "2"]);
}

#[tokio::test]
async fn an_executor_that_panics_gets_other_tries() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.executor.reply(async { panic!("on purpose") });
    let job = run(&world, &gateway, &Callback::new("x"), State::Sent).await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::Answered, 2));
}

#[tokio::test]
async fn past_its_time_out_a_job_expires_without_a_call() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let sent = service::Clock::now(&service::SystemClock).as_second() - 5;
    let callback = Callback::new("x")
        .with("timeout_duration", "3")
        .with("ts", &sent.to_string());
    let job = run(&world, &gateway, &callback, State::Done).await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::Expired, 0));
    assert!(world.executor.called().is_empty() && world.portal.sent().is_empty());
}

#[tokio::test]
async fn a_time_out_ends_the_retries() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for _ in 0..20 {
        world.executor.refuse(Status::unavailable("down"));
    }
    let sent = service::Clock::now(&service::SystemClock).as_second();
    let callback = Callback::new("x")
        .with("timeout_duration", "2")
        .with("ts", &sent.to_string());
    let job = run(&world, &gateway, &callback, State::Done).await;
    assert_eq!(job.outcome(), Outcome::Expired);
    assert!(job.attempts >= 1);
}

#[tokio::test]
async fn who_does_not_wait_is_not_answered() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let job = run(
        &world,
        &gateway,
        &Callback::new("x").with("use_subscription", "N"),
        State::Done,
    )
    .await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::NotWaiting, 1));
    assert_eq!(world.executor.called()[0].0.get("x-bizproc-waiting").unwrap(), "false");
    assert!(world.portal.sent().is_empty());
}

#[tokio::test]
async fn who_does_not_say_is_answered_once_and_never_confirmed() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let job = run(
        &world,
        &gateway,
        &Callback::new("x").without("use_subscription"),
        State::Done,
    )
    .await;
    assert_eq!(job.outcome(), Outcome::Answered);
    assert_eq!(world.portal.sent().len(), 1);
}

#[tokio::test]
async fn an_expired_token_is_replaced_once() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let registrar = world.registrar.clone();
    world.portal.reply(
        401,
        r#"{"error":"expired_token","error_description":"The access token provided has expired"}"#,
    );
    // The second token is issued when the first one was rejected.
    let issuing = tokio::spawn(async move {
        while registrar.state.issued.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        registrar.issue("access-2");
    });
    let job = run(&world, &gateway, &Callback::new("x"), State::Sent).await;
    issuing.await.unwrap();
    assert_eq!(job.outcome(), Outcome::Answered);
    let sent = world.portal.sent();
    assert_eq!(sent.len(), 2);
    let issued = world.registrar.state.issued.lock().clone();
    assert!(issued[0].rejected_sha256.is_empty());
    assert_eq!(
        issued[1].rejected_sha256,
        Sha256::digest(sent[0]["auth"].as_str().unwrap()).to_vec()
    );
    assert_eq!(world.executor.called().len(), 1, "the executor is not asked again");
}

#[tokio::test]
async fn a_token_is_asked_for_once_by_all() {
    let world = World::new().await;
    if let Ok(token) = &mut *world.registrar.state.token.lock() {
        let seconds = service::Clock::now(&service::SystemClock).as_second() + 3600;
        token.expires = Some(prost_types::Timestamp { seconds, nanos: 0 });
    }
    let gateway = world.gateway().await;
    for number in 0..20 {
        world.callback(&gateway, &Callback::numbered(number, "x")).await;
    }
    world.portal.calls(20).await;
    assert_eq!(world.registrar.state.issued.lock().len(), 1);
}

#[tokio::test]
async fn the_portals_refusals() {
    for (status, error, text, state, outcome, told) in [
        (
            403,
            "ACCESS_DENIED",
            "Access denied!",
            State::Parked,
            Outcome::Unspecified,
            false,
        ),
        (
            403,
            "ACCESS_DENIED",
            "REST is available only on commercial plans.",
            State::AnsweredUnsent,
            Outcome::Unspecified,
            true,
        ),
        (400, "404", "why", State::Done, Outcome::WorkflowGone, false),
        (
            403,
            "PORTAL_DELETED",
            "why",
            State::AnsweredUnsent,
            Outcome::Unspecified,
            true,
        ),
        (
            401,
            "ERROR_OAUTH",
            "Превышена дисковая квота",
            State::AnsweredUnsent,
            Outcome::Unspecified,
            true,
        ),
        (
            401,
            "APPLICATION_NOT_FOUND",
            "why",
            State::AnsweredUnsent,
            Outcome::Unspecified,
            true,
        ),
        (400, "423", "why", State::AnsweredUnsent, Outcome::Unspecified, false),
        (
            400,
            "ERROR_CORE",
            "why",
            State::AnsweredUnsent,
            Outcome::Unspecified,
            false,
        ),
    ] {
        let world = World::new().await;
        let gateway = world.gateway().await;
        let reply = json!({"error": error, "error_description": text}).to_string();
        world.portal.reply(status, &reply);
        let job = run(&world, &gateway, &Callback::new("x"), state).await;
        assert_eq!(job.outcome(), outcome, "{error}: {job:?}");
        assert!(job.problem.contains(error), "{}", job.problem);
        if error == "423" {
            let wait = job.next_attempt.unwrap().seconds - job.changed.unwrap().seconds;
            assert!((59..=60).contains(&wait), "{wait}");
        }
        let rechecks = || {
            world
                .registrar
                .state
                .rechecks
                .lock()
                .first()
                .map(|recheck| recheck.error.clone())
        };
        if told {
            assert_eq!(until(async || rechecks().ok_or("not told")).await, error);
        } else {
            assert_eq!(rechecks(), None, "{error}");
        }
    }
}

#[tokio::test]
async fn only_the_registrar_says_that_a_portal_is_gone() {
    let world = World::new().await;
    let gone = ErrorDetails::with_error_info("PORTAL_GONE", "registrar", std::collections::HashMap::new());
    let gone = Status::with_error_details(Code::FailedPrecondition, "the portal was deleted", gone);
    *world.registrar.state.token.lock() = Err(gone);
    let gateway = world.gateway().await;
    let job = run(&world, &gateway, &Callback::new("x"), State::Done).await;
    assert_eq!(job.outcome(), Outcome::PortalGone);
    assert!(job.problem.contains("the portal was deleted"), "{}", job.problem);
}

#[tokio::test]
async fn a_portal_in_trouble_rests_and_keeps_its_answers() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.portal.reply(502, "<html>bad gateway</html>");
    let job = run(&world, &gateway, &Callback::new("one"), State::AnsweredUnsent).await;
    assert!(job.problem.contains("502"), "{}", job.problem);
    world.callback(&gateway, &Callback::numbered(2, "two")).await;
    world.executor.calls(2).await;
    world.portal.calls(3).await;
    assert_eq!(world.executor.called().len(), 2, "an answer in hand is not made again");
    let values: Vec<_> = world
        .portal
        .sent()
        .iter()
        .map(|sent| sent["return_values"]["outputString"].clone())
        .collect();
    assert_eq!(values[0], value("one"));
    assert!(
        values[1..].contains(&json!(value("one"))) && values[1..].contains(&json!(value("two"))),
        "{values:?}"
    );
}

#[tokio::test]
async fn without_a_token_an_answer_waits() {
    let world = World::new().await;
    *world.registrar.state.token.lock() = Err(Status::failed_precondition("the refresh token was revoked"));
    let gateway = world.gateway().await;
    let job = run(&world, &gateway, &Callback::new("x"), State::AnsweredUnsent).await;
    assert!(job.problem.contains("the refresh token was revoked"), "{}", job.problem);
    assert!(world.portal.sent().is_empty());
}
