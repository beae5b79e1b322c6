//! The Jobs service.

use proto::gateway::v1::{GetRequest, ListRequest, State};
use tonic::Code;

use crate::{
    harness::{Callback, World, authorised},
    registrar::MEMBER,
};

#[tokio::test]
async fn jobs_are_found_by_workflow_document_and_state() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    for number in 1..=5 {
        let callback = Callback::numbered(number, "secret text").with("document_id[2]", &format!("DEAL_{number}"));
        world.callback(&gateway, &callback).await;
    }
    world.portal.calls(5).await;
    let mut client = gateway.client().await;
    let mut found = async |request: ListRequest| {
        let response = client.list(authorised(request)).await.unwrap().into_inner();
        let documents: Vec<_> = response.jobs.iter().map(|job| job.document_id[2].clone()).collect();
        (documents, response.next_page_token)
    };
    let all = ListRequest::default();
    assert_eq!(
        found(all.clone()).await.0,
        ["DEAL_5", "DEAL_4", "DEAL_3", "DEAL_2", "DEAL_1"]
    );
    let workflow_id = Callback::numbered(3, "").get("workflow_id").to_owned();
    assert_eq!(
        found(ListRequest {
            workflow_id,
            ..all.clone()
        })
        .await
        .0,
        ["DEAL_3"]
    );
    assert_eq!(
        found(ListRequest {
            document_id: "DEAL_2".into(),
            ..all.clone()
        })
        .await
        .0,
        ["DEAL_2"]
    );
    assert_eq!(
        found(ListRequest {
            state: State::Parked.into(),
            ..all.clone()
        })
        .await
        .0,
        [""; 0]
    );
    assert_eq!(
        found(ListRequest {
            app: "other".into(),
            ..all.clone()
        })
        .await
        .0,
        [""; 0]
    );
    assert_eq!(
        found(ListRequest {
            member_id: MEMBER.into(),
            ..all.clone()
        })
        .await
        .0
        .len(),
        5
    );

    let page = ListRequest { page_size: 2, ..all };
    let (first, token) = found(page.clone()).await;
    let (second, token) = found(ListRequest {
        page_token: token,
        ..page.clone()
    })
    .await;
    let (third, token) = found(ListRequest {
        page_token: token,
        ..page
    })
    .await;
    assert_eq!(
        [first, second, third].concat(),
        ["DEAL_5", "DEAL_4", "DEAL_3", "DEAL_2", "DEAL_1"]
    );
    assert_eq!(token, "");
}

#[tokio::test]
async fn it_is_guarded_and_says_what_is_wrong() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    let mut client = gateway.client().await;
    let error = client.list(ListRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    let error = client.get(authorised(GetRequest { id: "x".into() })).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let error = client
        .get(authorised(GetRequest { id: "0".repeat(32) }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    for wrong in [
        ListRequest {
            page_size: 501,
            ..ListRequest::default()
        },
        ListRequest {
            page_token: "x".into(),
            ..ListRequest::default()
        },
        ListRequest {
            state: 99,
            ..ListRequest::default()
        },
    ] {
        assert_eq!(
            client.list(authorised(wrong)).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    world.callback(&gateway, &Callback::new("x")).await;
    let job = gateway.the_job(State::Sent).await;
    assert_eq!(gateway.job(&job.id).await, job);
}

#[tokio::test]
async fn numbers_tell_what_happened() {
    let world = World::new().await;
    let gateway = world.gateway().await;
    world.callback(&gateway, &Callback::new("x")).await;
    gateway.the_job(State::Sent).await;
    let metrics = gateway.metrics(&world.http).await;
    for line in [
        "gateway_posts_total{shape=\"callback\"} 1",
        "gateway_jobs_finished_total{app=\"demo\",activity=\"md5\",state=\"sent\",outcome=\"answered\"} 1",
        "gateway_calls_total{app=\"demo\",activity=\"md5\",result=\"OK\"} 1",
        "gateway_sends_total{result=\"taken\"} 1",
        "gateway_accept_duration_seconds_count 1",
        "gateway_time_to_answer_seconds_count{app=\"demo\",activity=\"md5\"} 1",
        "gateway_posts_refused_total{reason=\"store\"} 0",
        "gateway_jobs_waiting{state=\"parked\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}
