//! Who works again is not kept waiting until the end of a pause.

use harness::until;
use proto::{
    gateway::v1::{Job, State},
    registrar::v1::SyncResponse,
};

use crate::harness::{Callback, Gateway, World};

/// A minute, as long as a portal that holds the workflow is left alone.
const BUSY: &str = r#"{"error": "423", "error_description": "locked"}"#;

/// A job whose answer waits for a minute.
async fn waiting(world: &World, gateway: &Gateway) -> Job {
    world.portal.reply(400, BUSY);
    world.callback(gateway, &Callback::new("x")).await;
    gateway.the_job(State::AnsweredUnsent).await
}

/// The job was sent again before it was due.
async fn sent_early(gateway: &Gateway, before: &Job) {
    let job = until(async || {
        let job = gateway.job(&before.id).await;
        if job.state() == State::Sent { Ok(job) } else { Err(job) }
    })
    .await;
    let (changed, due) = (job.changed.unwrap(), before.next_attempt.unwrap());
    assert!(changed.seconds < due.seconds - 1, "sent at {changed:?}, due at {due:?}");
}

#[tokio::test]
async fn an_installation_that_is_out_of_doubt_gets_its_answers() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let job = waiting(&world, &gateway).await;
    let doubt = |in_doubt| move |snapshot: &mut SyncResponse| snapshot.installations[0].in_doubt = in_doubt;
    world.registrar.change(doubt(true));
    // While it is in doubt, callbacks are proved by their own tokens.
    let proved = || world.registrar.state.proved.lock().len();
    let mut number = 1;
    while proved() == 0 {
        number += 1;
        world.callback(&gateway, &Callback::numbered(number, "y")).await;
    }
    assert_eq!(gateway.job(&job.id).await.state(), State::AnsweredUnsent);
    world.registrar.change(doubt(false));
    sent_early(&gateway, &job).await;
}

#[tokio::test]
async fn a_portal_that_is_out_of_trouble_gets_its_answers() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let job = waiting(&world, &gateway).await;
    world.portal.reply(302, "");
    world.callback(&gateway, &Callback::numbered(2, "y")).await;
    sent_early(&gateway, &job).await;
}
