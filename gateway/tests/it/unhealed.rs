//! What no repeat heals: it is left to a person after some tries, also across restarts.

use std::{sync::Arc, time::Duration};

use proto::gateway::v1::{Job, State};
use service::{Clock, SystemClock, Timestamp};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::harness::{Callback, Gateway, World};

/// A clock that is ahead of the system's. Its other hand can break the engine's work: nothing else on that thread reads it.
struct Ahead {
    by: Duration,
    breaks: bool,
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.by
    }

    fn monotonic(&self) -> Duration {
        let engine = std::thread::current().name() == Some("gateway-hot");
        assert!(!(self.breaks && engine), "broken on purpose: a secret");
        SystemClock.monotonic()
    }
}

impl World {
    async fn ahead(&self, minutes: u64, breaks: bool) -> Gateway {
        let by = Duration::from_mins(minutes);
        let gateway = Gateway::start_with(self.config(), Arc::new(Ahead { by, breaks })).await;
        gateway.ready(&self.http).await;
        gateway
    }
}

/// Waits until the job's problem has this text, and stops the gateway.
async fn problem(gateway: Gateway, id: &str, text: &str) -> Job {
    let job = harness::until(async || {
        let job = gateway.job(id).await;
        if job.problem.contains(text) { Ok(job) } else { Err(job) }
    })
    .await;
    gateway.stop().await;
    job
}

#[tokio::test]
async fn the_third_panic_of_our_own_code_parks_the_job() {
    const PLACE: &str = "the gateway's own code panicked at gateway/tests/it/unhealed.rs:";
    let world = World::new().await;
    let gateway = world.ahead(0, true).await;
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 200);
    let id = gateway.the_job(State::Accepted).await.id;
    let job = problem(gateway, &id, PLACE).await;
    assert_eq!((job.state(), job.attempts), (State::Accepted, 1));

    let gateway = world.ahead(2, true).await;
    let second = harness::until(async || {
        let job = gateway.job(&id).await;
        if job.attempts == 2 { Ok(job) } else { Err(job) }
    })
    .await;
    gateway.stop().await;
    assert_eq!(second.state(), State::Accepted);
    assert!(second.problem.contains(PLACE), "{}", second.problem);

    let gateway = world.ahead(4, true).await;
    let job = gateway.the_job(State::Parked).await;
    assert_eq!(job.attempts, 3);
    assert!(
        job.problem.contains(PLACE) && !job.problem.contains("secret"),
        "{}",
        job.problem
    );
    assert!(world.executor.called().is_empty() && world.portal.sent().is_empty());
    gateway.stop().await;
}

#[tokio::test]
async fn two_panics_end_nothing() {
    let world = World::new().await;
    let gateway = world.ahead(0, true).await;
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 200);
    let id = gateway.the_job(State::Accepted).await.id;
    problem(gateway, &id, "panicked").await;
    let gateway = world.ahead(2, false).await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(job.attempts, 2);
    gateway.stop().await;
}

#[tokio::test]
async fn a_revision_that_the_registrar_does_not_know_is_parked_after_an_hour() {
    let world = World::new().await;
    let details = ErrorDetails::with_retry_info(Some(Duration::from_mins(1)));
    world
        .executor
        .refuse(Status::with_error_details(Code::Unavailable, "draining", details));
    let gateway = world.gateway().await;
    assert_eq!(world.callback(&gateway, &Callback::new("x")).await.as_u16(), 200);
    world.executor.calls(1).await;
    let id = gateway.the_job(State::Accepted).await.id;
    world.registrar.change(|snapshot| snapshot.revisions.clear());
    // A later callback tells that the gateway knows.
    harness::until({
        let number = std::cell::Cell::new(1);
        let (world, gateway) = (&world, &gateway);
        move || {
            number.set(number.get() + 1);
            let callback = Callback::numbered(number.get(), "x").with("use_subscription", "N");
            async move {
                world.callback(gateway, &callback).await;
                match gateway.jobs(State::Quarantined).await.len() {
                    0 => Err("still known"),
                    _ => Ok(()),
                }
            }
        }
    })
    .await;
    gateway.stop().await;

    let missing = format!("no definition of md5 in revision {}", world.registrar.revision);
    let job = problem(world.ahead(30, false).await, &id, &missing).await;
    assert_eq!(job.state(), State::Accepted);

    let gateway = world.ahead(61, false).await;
    let parked = harness::until(async || {
        let job = gateway.job(&id).await;
        if job.state() == State::Parked {
            Ok(job)
        } else {
            Err(job)
        }
    })
    .await;
    assert!(parked.problem.contains("deploy it again"), "{}", parked.problem);
    gateway.stop().await;
}
