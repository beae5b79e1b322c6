//! What a person does with jobs that stand still.

use std::time::Duration;

use harness::until;
use proto::gateway::v1::{
    Action, DiscardRequest, DiscardResponse, Filter, GetRequest, HistoryEntry, Job, ListRequest, Outcome,
    ReplayRequest, ReplayResponse, State,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    executor::value,
    harness::{Callback, Gateway, World, authorised},
};

const DENIED: &str = r#"{"error":"ACCESS_DENIED","error_description":"Access denied!"}"#;

fn replay() -> ReplayRequest {
    ReplayRequest {
        by: "Ann".into(),
        why: "the app has its right again".into(),
        ..ReplayRequest::default()
    }
}

fn discard(id: &str) -> DiscardRequest {
    DiscardRequest {
        ids: vec![id.to_owned()],
        by: "Bob".into(),
        why: "the deal is lost".into(),
        ..DiscardRequest::default()
    }
}

fn only(id: &str) -> ReplayRequest {
    ReplayRequest {
        ids: vec![id.to_owned()],
        ..replay()
    }
}

impl Gateway {
    async fn replay(&self, request: ReplayRequest) -> ReplayResponse {
        let answer = self.client().await.replay(authorised(request)).await;
        answer.unwrap().into_inner()
    }

    async fn discard(&self, request: DiscardRequest) -> DiscardResponse {
        let answer = self.client().await.discard(authorised(request)).await;
        answer.unwrap().into_inner()
    }

    async fn history(&self, id: &str) -> Vec<HistoryEntry> {
        let request = GetRequest { id: id.to_owned() };
        let answer = self.client().await.get(authorised(request)).await;
        answer.unwrap().into_inner().history
    }

    /// Waits until so many jobs are in this state.
    async fn so_many(&self, state: State, number: usize) -> Vec<Job> {
        until(async || {
            let request = ListRequest {
                state: state.into(),
                page_size: 500,
                ..ListRequest::default()
            };
            let answer = self.client().await.list(authorised(request)).await;
            let jobs = answer.unwrap().into_inner().jobs;
            if jobs.len() == number { Ok(jobs) } else { Err(jobs) }
        })
        .await
    }
}

/// Jobs that the portal does not let answer.
async fn parked(world: &World, gateway: &Gateway, number: u32) -> Vec<Job> {
    for number in 1..=number {
        world.portal.reply(403, DENIED);
        let callback = Callback::numbered(number, "x").with("document_id[2]", &format!("DEAL_{number}"));
        world.callback(gateway, &callback).await;
    }
    gateway.so_many(State::Parked, number as usize).await
}

#[tokio::test]
async fn a_parked_job_is_replayed_and_answered() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let before = parked(&world, &gateway, 1).await.remove(0);
    let done = gateway.replay(only(&before.id)).await;
    assert_eq!(
        (done.jobs, done.ids, done.not_possible),
        (1, vec![before.id.clone()], 0)
    );

    let job = gateway.the_job(State::Sent).await;
    assert_eq!((job.outcome(), job.problem.as_str()), (Outcome::Answered, ""));
    assert_eq!(job.trace_id, before.trace_id);
    let sent = world.portal.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1]["return_values"]["outputString"], value("x"));
    assert_eq!(world.executor.called().len(), 1, "the answer was in hand");

    let history = gateway.history(&job.id).await;
    assert_eq!(history.len(), 1);
    let entry = &history[0];
    assert_eq!((entry.action(), entry.state()), (Action::Replay, State::Parked));
    assert_eq!(
        (entry.by.as_str(), entry.why.as_str()),
        ("Ann", "the app has its right again")
    );
    assert_eq!((entry.attempts, entry.problem.as_str()), (1, before.problem.as_str()));
    assert!(entry.at.unwrap().seconds >= before.changed.unwrap().seconds);
}

#[tokio::test]
async fn an_expired_job_is_done_again_with_another_day() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let late = service::Clock::now(&service::SystemClock).as_second() - 5;
    let callback = Callback::new("x")
        .with("timeout_duration", "3")
        .with("ts", &late.to_string());
    world.callback(&gateway, &callback).await;
    let before = gateway.the_job(State::Done).await;
    assert_eq!(before.outcome(), Outcome::Expired);

    gateway.replay(only(&before.id)).await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!((job.outcome(), job.attempts), (Outcome::Answered, 1));
    assert_eq!(world.portal.sent()[0]["return_values"]["outputString"], value("x"));
    let left = job.deadline.unwrap().seconds - job.changed.unwrap().seconds;
    assert!((86_300..=86_400).contains(&left), "{left}");
    assert_eq!(gateway.history(&job.id).await[0].outcome(), Outcome::Expired);
}

#[tokio::test]
async fn what_ended_well_is_not_possible() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world
        .portal
        .reply(400, r#"{"error":"404","error_description":"not found"}"#);
    world.callback(&gateway, &Callback::numbered(1, "x")).await;
    let gone = gateway.the_job(State::Done).await;
    world.callback(&gateway, &Callback::numbered(2, "x")).await;
    gateway.so_many(State::Sent, 1).await;
    let by_outcome = |outcome: Outcome| ReplayRequest {
        filter: Some(Filter {
            outcome: outcome.into(),
            ..Filter::default()
        }),
        ..replay()
    };
    let none = gateway.replay(by_outcome(Outcome::WorkflowGone)).await;
    assert_eq!((none.jobs, none.refused[0].id.as_str()), (0, gone.id.as_str()));
    let again = gateway.replay(by_outcome(Outcome::Answered)).await;
    assert_eq!((again.jobs, again.not_possible), (0, 1));
    assert_eq!(
        again.refused[0].reason, "it is being worked on",
        "its arrival is looked for"
    );
}

#[tokio::test]
async fn all_that_fit_are_replayed_and_a_dry_run_counts_them() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    // More than one write takes.
    let jobs = parked(&world, &gateway, 130).await;
    let fitting = |document_id: &str, older_than: i64| {
        let older_than = Some(prost_types::Duration {
            seconds: older_than,
            nanos: 0,
        });
        let filter = Filter {
            document_id: document_id.into(),
            code: "md5".into(),
            older_than,
            ..Filter::default()
        };
        ReplayRequest {
            filter: Some(filter),
            ..replay()
        }
    };
    let count = ReplayRequest {
        dry_run: true,
        ..fitting("", 0)
    };
    let counted = gateway.replay(count).await;
    assert_eq!((counted.jobs, counted.ids.len(), counted.not_possible), (130, 100, 0));
    assert_eq!(gateway.replay(fitting("", 3600)).await.jobs, 0, "they are young");
    assert_eq!(gateway.so_many(State::Parked, 130).await, jobs);

    let one = gateway.replay(fitting("DEAL_7", 0)).await;
    assert_eq!(one.jobs, 1);
    let seventh = jobs.iter().find(|job| job.document_id[2] == "DEAL_7").unwrap();
    assert_eq!(one.ids, [seventh.id.as_str()]);
    world.portal.calls(131).await;
    let all = ReplayRequest { all: true, ..replay() };
    assert_eq!(gateway.replay(all.clone()).await.jobs, 129);
    assert_eq!(gateway.replay(all).await.jobs, 0, "what was sent has to be named");
    world.portal.calls(260).await;
    gateway.so_many(State::Parked, 0).await;
}

#[tokio::test]
async fn a_discarded_job_is_over() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let before = parked(&world, &gateway, 1).await.remove(0);
    assert_eq!(gateway.discard(discard(&before.id)).await.jobs, 1);
    let job = gateway.job(&before.id).await;
    assert_eq!((job.state(), job.outcome()), (State::Done, Outcome::Discarded));
    let entry = gateway.history(&job.id).await.remove(0);
    assert_eq!((entry.action(), entry.by.as_str()), (Action::Discard, "Bob"));

    let again = gateway.replay(only(&job.id)).await;
    assert_eq!((again.jobs, again.not_possible), (0, 1));
    assert!(again.refused[0].reason.contains("erased"), "{again:?}");
    assert_eq!(gateway.job(&job.id).await, job);
    // Nor does the portal's repeat bring it back.
    world.callback(&gateway, &Callback::numbered(1, "x")).await;
    assert_eq!(gateway.job(&job.id).await, job);
}

#[tokio::test]
async fn a_job_that_waits_can_be_discarded_one_in_work_can_not() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.executor.reply(std::future::pending());
    world.callback(&gateway, &Callback::numbered(1, "x")).await;
    world.executor.calls(1).await;
    let in_work = gateway.the_job(State::Accepted).await;
    let done = gateway.discard(discard(&in_work.id)).await;
    assert_eq!((done.jobs, done.not_possible), (0, 1));
    assert_eq!(done.refused[0].reason, "it is being worked on");
    assert_eq!(gateway.job(&in_work.id).await, in_work);

    let details = ErrorDetails::with_retry_info(Some(Duration::from_mins(10)));
    world
        .executor
        .refuse(Status::with_error_details(Code::Unavailable, "draining", details));
    world.callback(&gateway, &Callback::numbered(2, "x")).await;
    let waiting = until(async || {
        let jobs = gateway.jobs(State::Accepted).await;
        jobs.iter().find(|job| job.next_attempt.is_some()).cloned().ok_or(jobs)
    })
    .await;
    assert_eq!(
        gateway.replay(only(&waiting.id)).await.refused[0].reason,
        "it goes on by itself"
    );
    assert_eq!(gateway.discard(discard(&waiting.id)).await.jobs, 1);
    let job = gateway.job(&waiting.id).await;
    assert_eq!((job.state(), job.outcome()), (State::Done, Outcome::Discarded));
}

#[tokio::test]
async fn what_is_discarded_while_the_engine_takes_and_leaves_it_stays_discarded() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for _ in 0..10_000 {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
        let status = Status::with_error_details(Code::Unavailable, "draining", details);
        world.executor.refuse(status);
    }
    for number in 1..=20 {
        world.callback(&gateway, &Callback::numbered(number, "x")).await;
    }
    let all = DiscardRequest {
        ids: Vec::new(),
        filter: Some(Filter {
            state: State::Accepted.into(),
            ..Filter::default()
        }),
        ..discard("")
    };
    let mut discarded = 0;
    while discarded < 20 {
        discarded += gateway.discard(all.clone()).await.jobs;
    }
    let ended = gateway.so_many(State::Done, 20).await;
    assert!(ended.iter().all(|job| job.outcome() == Outcome::Discarded));
    gateway.stop().await;
    let called = world.executor.called().len();
    let gateway = world.gateway().await;
    assert_eq!(gateway.so_many(State::Done, 20).await, ended);
    gateway.stop().await;
    assert_eq!(world.executor.called().len(), called);
}

#[tokio::test]
async fn what_stands_still_is_replayed_after_a_restart_too() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let before = parked(&world, &gateway, 1).await.remove(0);
    gateway.kill().await;
    let gateway = world.gateway().await;
    world.portal.reply(503, "<html>busy</html>");
    gateway.replay(only(&before.id)).await;
    world.portal.calls(2).await;
    gateway.kill().await;
    let gateway = world.gateway().await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(world.executor.called().len(), 1);
    assert_eq!(gateway.history(&job.id).await.len(), 1);
}

#[tokio::test]
async fn it_is_guarded_and_does_nothing_by_accident() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    parked(&world, &gateway, 1).await;
    let mut client = gateway.client().await;
    let all = ReplayRequest { all: true, ..replay() };
    assert_eq!(
        client.replay(all.clone()).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let error = client.discard(DiscardRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    for (wrong, problem) in [
        (replay(), "all = true"),
        (
            ReplayRequest {
                filter: Some(Filter::default()),
                ..replay()
            },
            "all = true",
        ),
        (
            ReplayRequest {
                by: String::new(),
                ..all.clone()
            },
            "`by` is missing",
        ),
        (
            ReplayRequest {
                why: String::new(),
                ..all
            },
            "`why` is missing",
        ),
        (only("x"), "no job id"),
    ] {
        let error = client.replay(authorised(wrong)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains(problem), "{}", error.message());
    }
    let none = gateway.replay(only(&"0".repeat(32))).await;
    assert_eq!(
        (none.jobs, none.refused[0].reason.as_str()),
        (0, "there is no such job")
    );
    assert_eq!(gateway.jobs(State::Parked).await.len(), 1);
}
