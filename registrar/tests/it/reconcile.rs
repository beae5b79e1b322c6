//! Reconciliation.

use std::sync::Arc;

use proto::registrar::v1::{InstallationState as State, RecheckRequest, Step, SyncResponse};
use tokio::sync::Semaphore;

use crate::{
    fake::{Instead, MEMBER},
    harness::Harness,
};

const TWO: [(&str, &str); 2] = [("doc", "Document"), ("md5", "MD5")];

async fn installed(activities: &[(&str, &str)]) -> Harness {
    let harness = Harness::start(activities).await;
    harness.installed().await;
    harness
}

async fn steps(harness: &Harness) -> Vec<(String, Step)> {
    harness
        .reconcile()
        .await
        .activities
        .into_iter()
        .map(|one| (one.code.clone(), one.step()))
        .collect()
}

#[tokio::test]
async fn what_a_portal_wiped_comes_back() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| world.activities.clear());
    assert_eq!(
        steps(&harness).await,
        [("doc".into(), Step::Add), ("md5".into(), Step::Add)]
    );
    assert_eq!(
        steps(&harness).await,
        [("doc".into(), Step::Keep), ("md5".into(), Step::Keep)]
    );
}

#[tokio::test]
async fn a_changed_definition_is_updated_and_points_to_its_revision() {
    let harness = installed(&TWO).await;
    let before = harness.fake.world(|world| world.activities["md5"]["HANDLER"].clone());
    harness.define(&[("doc", "Document"), ("md5", "MD5 of a text")]);
    let view = harness.reconcile().await;
    assert!(
        view.activities
            .iter()
            .all(|one| one.step() == Step::Update && one.observed)
    );
    let md5 = harness.fake.world(|world| world.activities["md5"].clone());
    assert_eq!(md5["NAME"]["en"], "MD5 of a text");
    assert_ne!(md5["HANDLER"], before);
    let snapshot = harness.sync_until(|snapshot| snapshot.revisions.len() == 2).await;
    let current: Vec<_> = snapshot.revisions.iter().map(|one| one.current).collect();
    assert_eq!(current, [false, true], "steps of before still call the old one");
}

#[tokio::test]
async fn nothing_is_ever_deleted() {
    let harness = installed(&TWO).await;
    harness
        .fake
        .world(|world| world.activities.insert("foreign".into(), serde_json::json!({})));
    harness.define(&[("md5", "MD5")]);
    harness.reconcile().await;
    let codes = |harness: &Harness| {
        harness
            .fake
            .world(|world| world.activities.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(codes(&harness), ["doc", "foreign", "md5"]);
    harness.write_descriptors(b"");
    harness.reconcile().await;
    std::fs::remove_file(harness.folder.path().join("tools.bin")).unwrap();
    harness.reconcile().await;
    assert_eq!(codes(&harness), ["doc", "foreign", "md5"]);
}

#[tokio::test]
async fn races_end_well() {
    let harness = installed(&TWO).await;
    // Somebody added `doc` after it was listed: an update makes it ours.
    let listed = |codes| Instead::Result(serde_json::json!(codes));
    harness.fake.world(|world| {
        world.answer_once("bizproc.activity.list", listed(vec!["md5"]));
        world
            .activities
            .insert("doc".into(), serde_json::json!({ "NAME": "theirs" }));
    });
    let view = harness.reconcile().await;
    assert_eq!(view.problem, "");
    assert_eq!(
        (view.activities[0].step(), view.activities[0].observed),
        (Step::Update, true)
    );
    assert_eq!(
        harness
            .fake
            .world(|world| world.activities["doc"]["NAME"]["en"].clone()),
        "Document"
    );

    // And somebody deleted it after it was listed, when it had to be updated: it is added.
    harness.define(&[("doc", "Changed"), ("md5", "MD5")]);
    harness.fake.world(|world| {
        world.answer_once("bizproc.activity.list", listed(vec!["doc", "md5"]));
        world.activities.remove("doc");
    });
    let view = harness.reconcile().await;
    assert_eq!(view.problem, "");
    assert_eq!(
        (view.activities[0].step(), view.activities[0].observed),
        (Step::Add, true)
    );
    assert_eq!(
        harness
            .fake
            .world(|world| world.activities["doc"]["NAME"]["en"].clone()),
        "Changed"
    );
}

#[tokio::test]
async fn a_contradiction_is_told_and_ends() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| {
        world.activities.remove("doc");
        let taken = Instead::Error(
            400,
            "ERROR_ACTIVITY_ALREADY_INSTALLED",
            "Activity or Robot already installed!",
        );
        world.answer_once("bizproc.activity.add", taken);
    });
    let view = harness.reconcile().await;
    assert!(view.problem.contains("1 of 2"), "{}", view.problem);
    assert!(
        view.activities[0].problem.contains("Activity or Robot not found!"),
        "{}",
        view.activities[0].problem
    );
    assert_eq!(
        steps(&harness).await,
        [("doc".into(), Step::Add), ("md5".into(), Step::Keep)]
    );
}

#[tokio::test]
async fn one_refusal_does_not_stop_the_others() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| {
        world.activities.clear();
        let refused = Instead::Error(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong properties array!");
        world.answer_once("bizproc.activity.add", refused);
    });
    let view = harness.reconcile().await;
    assert!(view.problem.contains("1 of 2"), "{}", view.problem);
    assert!(view.activities[0].problem.contains("Wrong properties array!"));
    assert!(!view.activities[0].observed && view.activities[1].observed);
}

#[tokio::test]
async fn a_code_that_is_taken_by_a_robot_is_told() {
    let harness = Harness::start(&TWO).await;
    harness.fake.world(|world| {
        world.installed = true;
        world.robots.insert("md5".into(), serde_json::json!({}));
    });
    let response = harness.install(harness.auth(1)).await;
    assert!(
        response.activities[1].problem.contains("as a robot"),
        "{}",
        response.activities[1].problem
    );
    assert_eq!(harness.fake.world(|world| world.count("bizproc.activity.add")), 1);
}

#[tokio::test]
async fn a_plan_without_business_processes_is_a_state() {
    let harness = installed(&TWO).await;
    harness
        .fake
        .world(|world| world.missing.extend(["bizproc.activity.list", "bizproc.activity.add"]));
    let view = harness.reconcile().await;
    assert_eq!(view.state(), State::NoBizproc);
    assert!(
        view.activities[0].problem.contains("plan"),
        "{}",
        view.activities[0].problem
    );
    harness.fake.world(|world| world.missing.clear());
    let view = harness.reconcile().await;
    assert_eq!((view.state(), view.problem.as_str()), (State::Active, ""));
}

#[tokio::test]
async fn a_portal_that_wants_a_pause_gets_it() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| {
        world.activities.clear();
        world.answer_once(
            "bizproc.activity.add",
            Instead::Error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
        );
    });
    let view = harness.reconcile().await;
    assert!(view.problem.contains("QUERY_LIMIT_EXCEEDED"), "{}", view.problem);
    let calls = harness.fake.world(|world| world.calls.len());
    harness.reconcile().await;
    assert_eq!(
        harness.fake.world(|world| world.calls.len()),
        calls,
        "left alone, even if a person asks"
    );
    harness.advance(3);
    // By itself: the next pass is due when the pause is over.
    harness.fake.until(|world| world.activities.len() == 2).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| {
        world.portal = "moved".into();
        world.answer_once(
            "bizproc.activity.list",
            Instead::Redirect("https://evil.example/rest/".into()),
        );
    });
    let view = harness.reconcile().await;
    assert_eq!(view.problem, "");
    assert_eq!(
        view.client_endpoint,
        format!("{}/moved/rest/", harness.fake.url),
        "as the OAuth server says"
    );

    harness.fake.world(|world| {
        world.answer_once(
            "bizproc.activity.list",
            Instead::Redirect("https://evil.example/rest/".into()),
        );
    });
    let view = harness.reconcile().await;
    assert!(view.problem.contains("names no other address"), "{}", view.problem);
}

#[tokio::test]
async fn an_expired_or_rejected_token_is_replaced_on_the_way() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| {
        let all = world.access.keys().cloned().collect::<Vec<_>>();
        world.expired.extend(all);
    });
    assert_eq!(harness.reconcile().await.problem, "");
    assert_eq!(harness.fake.world(|world| world.refreshes), 1);
}

#[tokio::test]
async fn a_portals_word_alone_ends_nothing() {
    for (status, code) in [
        (403, "PORTAL_DELETED"),
        (200, "PORTAL_DELETED"),
        (401, "ERROR_OAUTH"),
        (401, "APPLICATION_NOT_FOUND"),
        (401, "authorization_error"),
    ] {
        let harness = installed(&TWO).await;
        harness
            .fake
            .world(|world| world.answer_once("bizproc.activity.list", Instead::Error(status, code, "x")));
        let view = harness.reconcile().await;
        assert_eq!(view.state(), State::Active, "{code}");
        assert!(view.problem.contains(code), "{}", view.problem);
        harness.issue(None).await.unwrap();
        assert_eq!(harness.reconcile().await.problem, "", "{code}");
    }
}

#[tokio::test]
async fn lost_rights_are_told_and_the_state_stays() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| world.admins.clear());
    let view = harness.reconcile().await;
    assert_eq!(view.state(), State::Active);
    assert!(
        view.problem.contains("an administrator must open the app"),
        "{}",
        view.problem
    );
    harness.issue(None).await.unwrap();
}

#[tokio::test]
async fn everything_is_updated_once_a_day() {
    let harness = installed(&TWO).await;
    // Drift that no list shows.
    harness.fake.world(|world| {
        world
            .activities
            .get_mut("md5")
            .map(|md5| md5["HANDLER"] = "https://old.example/".into())
    });
    harness.advance(60 * 60);
    harness.reconcile().await;
    harness
        .fake
        .world(|world| assert_eq!(world.activities["md5"]["HANDLER"], "https://old.example/"));
    harness.advance(24 * 60 * 60);
    harness.reconcile().await;
    harness
        .fake
        .world(|world| assert_ne!(world.activities["md5"]["HANDLER"], "https://old.example/"));
}

#[tokio::test]
async fn a_new_public_url_updates_all_and_takes_the_events_along() {
    let mut harness = installed(&TWO).await;
    harness.config.public_url = Some("https://elsewhere.example".parse().unwrap());
    harness.restart().await;
    let view = harness.reconcile().await;
    assert_eq!(view.problem, "");
    harness.fake.world(|world| {
        assert!(
            world
                .activities
                .values()
                .all(|one| one["HANDLER"].as_str().unwrap().starts_with("https://elsewhere."))
        );
        assert!(
            world
                .bound
                .iter()
                .all(|(_, handler)| handler.starts_with("https://elsewhere.")),
            "{:?}",
            world.bound
        );
        assert_eq!(world.bound.len(), 3);
    });
}

#[tokio::test]
async fn an_event_that_the_portal_does_not_know_is_left_out() {
    let harness = Harness::start(&TWO).await;
    let unknown = Instead::Error(400, "ERROR_EVENT_NOT_FOUND", "Event not found");
    harness.fake.world(|world| world.answer_once("event.bind", unknown));
    let response = harness.install(harness.auth(1)).await;
    assert_eq!(response.problem, "");
    assert_eq!(harness.fake.world(|world| world.bound.len()), 2);
}

#[tokio::test]
async fn the_interval_repairs_without_being_asked() {
    let harness = installed(&TWO).await;
    harness.fake.world(|world| world.activities.clear());
    harness.advance(700);
    // Any wake-up makes the schedule look at the clock again.
    let request = RecheckRequest {
        app: "demo".into(),
        member_id: MEMBER.into(),
        error: "NOT_INSTALLED".into(),
    };
    harness.service().recheck(request).await.unwrap();
    harness.fake.until(|world| world.activities.len() == 2).await;
}

#[tokio::test]
async fn a_pass_that_new_credentials_overtake_does_not_undo_their_state() {
    let harness = installed(&TWO).await;
    let gate = Arc::new(Semaphore::new(0));
    harness.fake.world(|world| world.installed = true);
    assert_eq!(harness.reconcile().await.state(), State::Active);
    harness.fake.world(|world| {
        world.calls.clear();
        world.gate = Some(("bizproc.activity.list", gate.clone()));
    });
    let update = async {
        harness
            .fake
            .until(|world| world.count("bizproc.activity.list") == 1)
            .await;
        harness.fake.world(|world| world.installed = false);
        harness.install(harness.auth(2)).await
    };
    let adopted = async {
        let incomplete = |snapshot: &SyncResponse| snapshot.installations[0].state() == State::Incomplete;
        harness.sync_until(incomplete).await;
        gate.add_permits(10);
    };
    let (_, response, ()) = tokio::join!(harness.reconcile(), update, adopted);
    assert_eq!((response.state(), &*response.problem), (State::Incomplete, ""));
    let view = harness.view().await;
    assert_eq!((view.state(), view.user_id), (State::Incomplete, 2));
}
