//! `bizproc jobs` against a gateway that does as it is told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use proto::gateway::v1::{
    Action, DiscardRequest, DiscardResponse, GetRequest, GetResponse, HistoryEntry, Job, ListRequest, ListResponse,
    NotPossible, Outcome, ReplayRequest, ReplayResponse, State,
    jobs_server::{Jobs, JobsServer},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// What it was asked.
#[derive(Default)]
struct Asked {
    lists: Vec<ListRequest>,
    replays: Vec<ReplayRequest>,
    discards: Vec<DiscardRequest>,
}

#[derive(Clone)]
struct Fake {
    /// Ids of the jobs that fit whatever is asked for.
    fit: Vec<String>,
    asked: Arc<Mutex<Asked>>,
}

struct World {
    address: SocketAddr,
    token: PathBuf,
    asked: Arc<Mutex<Asked>>,
    _folder: TempDir,
    _runtime: Runtime,
}

impl World {
    fn new(fit: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let fake = Fake {
            fit: (0..fit).map(|number| format!("{number:032x}")).collect(),
            asked: Arc::default(),
        };
        let asked = fake.asked.clone();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let jobs = JobsServer::with_interceptor(fake, |request: Request<()>| {
                match request.metadata().get("authorization") {
                    Some(value) if value == "Bearer operator" => Ok(request),
                    _ => Err(Status::unauthenticated("wrong token")),
                }
            });
            let server = tonic::transport::Server::builder().add_service(jobs);
            tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
            address
        });
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("operator.token");
        std::fs::write(&token, "operator\n").unwrap();
        Self {
            address,
            token,
            asked,
            _folder: folder,
            _runtime: runtime,
        }
    }

    /// Runs `bizproc jobs`: whether it was a success, and what it printed on both outputs.
    fn jobs(&self, arguments: &[&str]) -> (bool, String, String) {
        let ended = Command::new(env!("CARGO_BIN_EXE_bizproc"))
            .arg("jobs")
            .args(arguments)
            .env("BIZPROC_GATEWAY", format!("http://{}", self.address))
            .env("BIZPROC_OPERATOR_TOKEN_FILE", &self.token)
            .env("USER", "ann")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (ended.status.success(), text(ended.stdout), text(ended.stderr))
    }
}

fn refused() -> Vec<NotPossible> {
    vec![NotPossible {
        id: "f".repeat(32),
        reason: "it is over".into(),
    }]
}

fn job(id: &str) -> Job {
    Job {
        id: id.into(),
        code: "md5".into(),
        state: State::Sent.into(),
        outcome: Outcome::Answered.into(),
        ..Job::default()
    }
}

#[tonic::async_trait]
impl Jobs for Fake {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let entry = HistoryEntry {
            at: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            action: Action::Replay.into(),
            by: "ann".into(),
            why: "the disk has room".into(),
            state: State::Done.into(),
            outcome: Outcome::PortalGone.into(),
            attempts: 3,
            problem: "PORTAL_DELETED".into(),
        };
        Ok(Response::new(GetResponse {
            job: Some(job(&request.into_inner().id)),
            history: vec![entry],
        }))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        self.asked.lock().unwrap().lists.push(request.into_inner());
        Ok(Response::new(ListResponse {
            jobs: self.fit.iter().map(|id| job(id)).collect(),
            next_page_token: String::new(),
        }))
    }

    async fn replay(&self, request: Request<ReplayRequest>) -> Result<Response<ReplayResponse>, Status> {
        self.asked.lock().unwrap().replays.push(request.into_inner());
        Ok(Response::new(ReplayResponse {
            jobs: self.fit.len() as u64,
            ids: self.fit.clone(),
            not_possible: 1,
            refused: refused(),
        }))
    }

    async fn discard(&self, request: Request<DiscardRequest>) -> Result<Response<DiscardResponse>, Status> {
        self.asked.lock().unwrap().discards.push(request.into_inner());
        Ok(Response::new(DiscardResponse {
            jobs: self.fit.len() as u64,
            ids: self.fit.clone(),
            not_possible: 1,
            refused: refused(),
        }))
    }
}

const ID: &str = "0000000000000000000000000000000a";

#[test]
fn jobs_are_listed_and_one_is_shown_with_its_history() {
    let world = World::new(2);
    let (works, printed, problem) = world.jobs(&["--state", "parked", "--workflow", "w"]);
    assert!(works, "{problem}");
    assert_eq!(printed.matches("  sent, answered\n").count(), 2, "{printed}");
    let asked = world.asked.lock().unwrap().lists[0].clone();
    assert_eq!((asked.state(), asked.workflow_id.as_str()), (State::Parked, "w"));

    let (works, printed, problem) = world.jobs(&[ID]);
    assert!(works, "{problem}");
    assert!(printed.starts_with(&format!("job {ID}  sent, answered\n")), "{printed}");
    assert!(
        printed.contains("replay     2023-11-14T22:13:20.000Z by ann: the disk has room\n"),
        "{printed}"
    );
    assert!(
        printed.contains("before   done, portal-gone, attempts 3: PORTAL_DELETED\n"),
        "{printed}"
    );
    let (_, printed, _) = world.jobs(&["--json", ID]);
    let shown: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(shown["history"][0]["outcome"], "OUTCOME_PORTAL_GONE");
    assert_eq!(shown["history"][0]["by"], "ann");
}

#[test]
fn one_job_is_replayed_at_once() {
    let world = World::new(1);
    let (works, printed, problem) = world.jobs(&["replay", ID, "--why", "mended"]);
    assert!(works, "{problem}");
    assert!(printed.starts_with("1 job replayed\n"), "{printed}");
    assert!(
        printed.contains("1 job left as found\n") && printed.contains("  it is over\n"),
        "{printed}"
    );
    let asked = world.asked.lock().unwrap();
    let last = asked.replays.last().unwrap();
    assert_eq!(
        (last.ids.as_slice(), last.dry_run, last.all),
        (&[ID.to_owned()][..], false, false)
    );
    assert_eq!(
        (last.by.as_str(), last.why.as_str(), &last.filter),
        ("ann", "mended", &None)
    );
}

#[test]
fn more_than_one_needs_a_yes() {
    let world = World::new(150);
    let fitting = [
        "discard",
        "--state",
        "answered-unsent",
        "--code",
        "md5",
        "--older-than",
        "48h",
        "--why",
        "lost",
    ];
    let (works, printed, problem) = world.jobs(&fitting);
    assert!(!works && printed.is_empty(), "{printed}");
    assert!(
        problem.contains("150 jobs would be discarded") && problem.contains("--yes"),
        "{problem}"
    );
    assert!(world.asked.lock().unwrap().discards.iter().all(|asked| asked.dry_run));

    let (works, printed, problem) = world.jobs(&[&fitting[..], &["--yes", "--by", "Bob"]].concat());
    assert!(works, "{problem}");
    assert!(printed.starts_with("150 jobs discarded\n"), "{printed}");
    let asked = world.asked.lock().unwrap();
    let last = asked.discards.last().unwrap();
    assert!(!last.dry_run && last.by == "Bob");
    let filter = last.filter.as_ref().unwrap();
    assert_eq!((filter.state(), filter.code.as_str()), (State::AnsweredUnsent, "md5"));
    assert_eq!(filter.older_than.as_ref().unwrap().seconds, 48 * 3600);
}

#[test]
fn a_dry_run_changes_nothing_and_needs_no_reason() {
    let world = World::new(3);
    let (works, printed, problem) = world.jobs(&["replay", "--all", "--dry-run", "--json"]);
    assert!(works, "{problem}");
    let counted: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&counted["jobs"], &counted["not_possible"]), (&3.into(), &1.into()));
    assert_eq!(counted["refused"][0]["reason"], "it is over");
    let asked = world.asked.lock().unwrap();
    assert!(asked.replays.len() == 1 && asked.replays[0].dry_run && asked.replays[0].all);
}

#[test]
fn what_is_asked_for_wrongly_asks_nobody() {
    let world = World::new(1);
    for (arguments, expected) in [
        (&["replay", "--why", "x"][..], "required"),
        (&["replay", ID], "--why"),
        (&["replay", ID, "--all", "--why", "x"], "cannot be used with"),
        (
            &["--state", "parked", "replay", ID, "--why", "x"],
            "cannot be used with",
        ),
        (
            &["replay", "--all", "--why", "x", "--older-than", "soon"],
            "--older-than",
        ),
    ] {
        let (works, _, problem) = world.jobs(arguments);
        assert!(!works && problem.contains(expected), "{arguments:?}: {problem}");
    }
    let asked = world.asked.lock().unwrap();
    assert!(asked.replays.is_empty() && asked.lists.is_empty());
}

#[test]
fn nothing_done_is_a_failure() {
    let world = World::new(0);
    let (works, printed, _) = world.jobs(&["replay", ID, "--why", "x"]);
    assert!(!works);
    assert!(
        printed.starts_with("0 jobs replayed\n") && printed.contains("it is over"),
        "{printed}"
    );
}
