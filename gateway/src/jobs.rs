//! The Jobs service, for people: no secrets, no values.

mod intervene;
mod order;

use proto::gateway::v1::{
    DiscardRequest, DiscardResponse, GetRequest, GetResponse, HistoryEntry as WireEntry, Job, ListRequest,
    ListResponse, Outcome, ReplayRequest, ReplayResponse, jobs_server::Jobs,
};
use store::StoreError;
use tonic::{Request, Response, Status};

use self::order::{Order, some};
use crate::{
    engine::Engine,
    job::{self, Key, Millis},
    storage::{Filter, HistoryEntry, JobView, Storage},
};

const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;

/// The service.
pub(crate) struct JobsService {
    pub(crate) storage: Storage,
    pub(crate) engine: Engine,
}

#[tonic::async_trait]
impl Jobs for JobsService {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let id = request.into_inner().id;
        if Key::prefix_of_id(&id).is_none() {
            return Err(order::no_id(&id));
        }
        let missing = Status::not_found(format!("there is no job {id}; finished jobs are kept for a while only"));
        let job = self
            .storage
            .reads()
            .job(id)
            .await
            .map_err(|error| unavailable(&error))?
            .ok_or(missing)?;
        let history = self.storage.reads().history(job.row).await;
        let history = history.map_err(|error| unavailable(&error))?;
        Ok(Response::new(GetResponse {
            job: Some(wire(job)),
            history: history.into_iter().map(entry).collect(),
        }))
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
        let state = order::state(request.state)?;
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(
                token
                    .parse()
                    .map_err(|_| Status::invalid_argument("page_token is not one of ours"))?,
            ),
        };
        let filter = Filter {
            workflow_id: some(request.workflow_id),
            document_id: some(request.document_id),
            state,
            app: some(request.app),
            member_id: some(request.member_id),
            before,
            limit: size as usize,
            ..Filter::default()
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

    async fn replay(&self, request: Request<ReplayRequest>) -> Result<Response<ReplayResponse>, Status> {
        let order = Order::replay(request.into_inner(), self.engine.now())?;
        let done = self.intervene(&order).await?;
        Ok(Response::new(ReplayResponse {
            jobs: done.jobs,
            ids: done.ids,
            not_possible: done.not_possible,
            refused: done.refused,
        }))
    }

    async fn discard(&self, request: Request<DiscardRequest>) -> Result<Response<DiscardResponse>, Status> {
        let order = Order::discard(request.into_inner(), self.engine.now())?;
        let done = self.intervene(&order).await?;
        Ok(Response::new(DiscardResponse {
            jobs: done.jobs,
            ids: done.ids,
            not_possible: done.not_possible,
            refused: done.refused,
        }))
    }
}

fn unavailable(error: &StoreError) -> Status {
    Status::unavailable(error.to_string())
}

fn time(at: Millis) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.0.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp {
        seconds: at.0.div_euclid(1000),
        nanos,
    }
}

fn entry(entry: HistoryEntry) -> WireEntry {
    WireEntry {
        at: Some(time(entry.at)),
        action: entry.action.wire().into(),
        by: entry.by,
        why: entry.why,
        state: entry.state.wire().into(),
        outcome: entry.outcome.map_or(Outcome::Unspecified, job::Outcome::wire).into(),
        attempts: entry.attempts,
        problem: entry.problem,
    }
}

fn wire(view: JobView) -> Job {
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
