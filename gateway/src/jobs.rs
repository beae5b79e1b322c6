//! The Jobs service, for people: no secrets, no values.

use proto::gateway::v1::{
    GetRequest, GetResponse, Job, ListRequest, ListResponse, Outcome, State as WireState, jobs_server::Jobs,
};
use store::StoreError;
use tonic::{Request, Response, Status};

use crate::{
    job::{self, Key, Millis},
    storage::{Filter, JobView, Storage},
};

const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

/// The service.
pub(crate) struct JobsService {
    pub(crate) storage: Storage,
}

#[tonic::async_trait]
impl Jobs for JobsService {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let id = request.into_inner().id;
        if Key::prefix_of_id(&id).is_none() {
            return Err(Status::invalid_argument(format!(
                "`{id}` is no job id: it has 32 lower hex digits"
            )));
        }
        let missing = Status::not_found(format!("there is no job {id}; finished jobs are kept for a while only"));
        let job = self
            .storage
            .reads()
            .job(id)
            .await
            .map_err(|error| unavailable(&error))?
            .ok_or(missing)?;
        Ok(Response::new(GetResponse { job: Some(wire(job)) }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let request = request.into_inner();
        let size = match request.page_size {
            0 => PAGE,
            size if size <= LARGEST_PAGE => size,
            size => {
                return Err(Status::invalid_argument(format!(
                    "page_size is {size}; the most is {LARGEST_PAGE}"
                )));
            }
        };
        let state = WireState::try_from(request.state)
            .map_err(|_| Status::invalid_argument(format!("there is no state {}", request.state)))?;
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(
                token
                    .parse()
                    .map_err(|_| Status::invalid_argument("page_token is not one of ours"))?,
            ),
        };
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let filter = Filter {
            workflow_id: some(request.workflow_id),
            document_id: some(request.document_id),
            state: job::State::from_wire(state),
            app: some(request.app),
            member_id: some(request.member_id),
            before,
            limit: size as usize,
        };
        let jobs = self
            .storage
            .reads()
            .jobs(filter)
            .await
            .map_err(|error| unavailable(&error))?;
        let full = jobs.len() == size as usize;
        let next_page_token = jobs
            .last()
            .filter(|_| full)
            .map(|last| last.row.to_string())
            .unwrap_or_default();
        Ok(Response::new(ListResponse {
            jobs: jobs.into_iter().map(wire).collect(),
            next_page_token,
        }))
    }
}

fn unavailable(error: &StoreError) -> Status {
    Status::unavailable(error.to_string())
}

fn wire(view: JobView) -> Job {
    let time = |at: Millis| {
        let nanos = i32::try_from(at.0.rem_euclid(1000) * 1_000_000).unwrap_or_default();
        prost_types::Timestamp {
            seconds: at.0.div_euclid(1000),
            nanos,
        }
    };
    Job {
        id: view.id,
        app: view.app,
        member_id: view.member_id,
        workflow_id: view.workflow_id,
        code: view.code,
        document_id: view.document_id,
        state: view.state.wire().into(),
        outcome: view.outcome.map_or(Outcome::Unspecified, job::Outcome::wire).into(),
        attempts: view.attempts,
        received: Some(time(view.received)),
        deadline: Some(time(view.deadline)),
        changed: Some(time(view.changed)),
        problem: view.problem,
        trace_id: view.trace_id,
        revision: view.revision,
        next_attempt: view.next_attempt.map(time),
    }
}
