//! A sent answer is looked for until it is proved to have arrived.

use proto::gateway::v1::{Outcome, State};

use crate::harness::{Callback, World};

/// A time before anything was sent, by the portal's clock, which begins in 1970.
const LONG_AGO: &str = "1970-01-01T00:00:00+00:00";
const LATER: &str = "1970-01-01T03:00:09+03:00";

#[tokio::test]
async fn a_workflow_that_is_over_proves_it() {
    let world = World::new().await;
    world.portal.workflows(None);
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    let job = gateway.the_job(State::Done).await;
    assert_eq!((job.outcome(), job.problem.as_str()), (Outcome::Answered, ""));
    assert_eq!(world.portal.sent().len(), 1);
    let metrics = gateway.metrics(&world.http).await;
    assert!(
        metrics.contains("gateway_answers_settled_total{evidence=\"workflow_over\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_answer_of_which_nothing_is_seen_is_sent_again() {
    let world = World::new().await;
    world.portal.workflows(Some((LONG_AGO, false)));
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    let sent = world.portal.calls(2).await;
    assert_eq!(sent[0], sent[1]);
    world.portal.workflows(None);
    let job = gateway.the_job(State::Done).await;
    assert_eq!(job.outcome(), Outcome::Answered);
    assert_eq!(world.executor.called().len(), 1, "the answer was kept");
}

#[tokio::test]
async fn a_saved_workflow_that_goes_on_gets_it_once_more() {
    let world = World::new().await;
    world.portal.workflows(Some((LATER, false)));
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    world.portal.calls(2).await;
    gateway.stop().await;
    assert_eq!(world.portal.sent().len(), 2);
}

#[tokio::test]
async fn what_may_not_be_read_is_repeated_by_time() {
    let world = World::new().await;
    world.portal.refuse_reading(403, "ACCESS_DENIED", "Access denied!");
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    let sent = world.portal.calls(2).await;
    assert_eq!(sent[0], sent[1]);
    let job = gateway.the_job(State::Sent).await;
    assert_eq!((job.outcome(), job.problem.as_str()), (Outcome::Answered, ""));
    assert_eq!(world.executor.called().len(), 1, "the answer was kept");
}

#[tokio::test]
async fn readings_that_fail_hold_back_no_answer() {
    for (status, error) in [
        (500, "INTERNAL_SERVER_ERROR"),
        (429, "OPERATION_TIME_LIMIT"),
        (503, "OVERLOAD_LIMIT"),
    ] {
        let world = World::new().await;
        world.portal.refuse_reading(status, error, "why");
        let gateway = world.gateway().await;
        let first = Callback::new("first");
        world.callback(&gateway, &first).await;
        world.portal.readings(1).await;
        // One of the same workflow, and some of others.
        let token = first.get("event_token").replace("A51601", "A51602");
        world
            .callback(&gateway, &Callback::new("second").with("event_token", &token))
            .await;
        for number in 2..5 {
            world.callback(&gateway, &Callback::numbered(number, "other")).await;
        }
        world.portal.calls(5).await;
        let metrics = gateway.metrics(&world.http).await;
        let waited = metrics
            .lines()
            .find(|line| line.contains("\"answered_unsent\"") && !line.ends_with(" 0"));
        assert_eq!(waited, None, "{error}");
    }
}

#[tokio::test]
async fn answers_of_one_workflow_wait_for_each_other() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let first = Callback::new("first");
    let token = first.get("event_token").replace("A51601", "A51602");
    let second = Callback::new("second").with("event_token", &token);
    world.callback(&gateway, &first).await;
    world.portal.calls(1).await;
    world.callback(&gateway, &second).await;
    world.executor.calls(2).await;
    // A hit is in the workflow. Another one's answer goes meanwhile.
    world.callback(&gateway, &Callback::numbered(2, "other")).await;
    let sent = world.portal.calls(2).await;
    assert_eq!(
        sent[1]["return_values"]["outputString"],
        crate::executor::value("other")
    );
    world.portal.workflows(Some((LATER, false)));
    let sent = world.portal.calls(3).await;
    assert_eq!(sent[2]["event_token"], token);
}

#[tokio::test]
async fn what_was_not_proved_is_looked_for_after_a_restart() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.the_job(State::Sent).await;
    gateway.kill().await;
    world.portal.workflows(None);
    let gateway = world.gateway().await;
    gateway.the_job(State::Done).await;
    assert_eq!(world.portal.sent().len(), 1);
}
