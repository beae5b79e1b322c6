//! What a person asks for, checked.

use std::time::Duration;

use proto::gateway::v1::{DiscardRequest, Filter as WireFilter, ReplayRequest, State as WireState};
use tonic::Status;

use crate::{
    job::{self, Action, Key, Millis},
    storage::Filter,
};

const LONGEST_WHY: usize = 500;
const LONGEST_BY: usize = 100;
const MOST_IDS: usize = 500;

/// What is to be done with which jobs.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) action: Action,
    pub(super) which: Which,
    pub(super) dry_run: bool,
    pub(super) by: String,
    pub(super) why: String,
}

#[derive(Debug)]
pub(super) enum Which {
    Ids(Vec<String>),
    Fitting(Filter),
}

impl Order {
    pub(super) fn replay(request: ReplayRequest, now: Millis) -> Result<Self, Status> {
        let which = Which::new(request.ids, request.filter, request.all, now)?;
        Self::new(Action::Replay, which, request.dry_run, request.by, request.why)
    }

    pub(super) fn discard(request: DiscardRequest, now: Millis) -> Result<Self, Status> {
        let which = Which::new(request.ids, request.filter, request.all, now)?;
        Self::new(Action::Discard, which, request.dry_run, request.by, request.why)
    }

    fn new(action: Action, which: Which, dry_run: bool, by: String, why: String) -> Result<Self, Status> {
        if !dry_run {
            text("by", &by, LONGEST_BY)?;
            text("why", &why, LONGEST_WHY)?;
        }
        Ok(Self {
            action,
            which,
            dry_run,
            by,
            why,
        })
    }
}

impl Which {
    fn new(mut ids: Vec<String>, filter: Option<WireFilter>, all: bool, now: Millis) -> Result<Self, Status> {
        let filter = filter.unwrap_or_default();
        let is_empty = filter == WireFilter::default();
        if ids.is_empty() {
            if is_empty && !all {
                return Err(Status::invalid_argument(
                    "which jobs? name ids, or a condition in `filter`, or say `all = true`",
                ));
            }
            return Ok(Self::Fitting(fitting(filter, now)?));
        }
        if !is_empty || all {
            return Err(Status::invalid_argument("give either `ids`, or `filter` and `all`"));
        }
        if ids.len() > MOST_IDS {
            return Err(Status::invalid_argument(format!(
                "{} ids; the most is {MOST_IDS}",
                ids.len()
            )));
        }
        if let Some(wrong) = ids.iter().find(|id| Key::prefix_of_id(id).is_none()) {
            return Err(no_id(wrong));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Self::Ids(ids))
    }
}

pub(super) fn no_id(id: &str) -> Status {
    Status::invalid_argument(format!("`{id}` is no job id: it has 32 lower hex digits"))
}

pub(super) fn state(number: i32) -> Result<Option<job::State>, Status> {
    let state =
        WireState::try_from(number).map_err(|_| Status::invalid_argument(format!("there is no state {number}")))?;
    Ok(job::State::from_wire(state))
}

pub(super) fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn fitting(filter: WireFilter, now: Millis) -> Result<Filter, Status> {
    let outcome = filter
        .outcome
        .try_into()
        .map_err(|_| Status::invalid_argument(format!("there is no outcome {}", filter.outcome)))?;
    let received_before = filter
        .older_than
        .map(|age| {
            let age = Duration::try_from(age)
                .map_err(|_| Status::invalid_argument("older_than is negative or too long for a duration"))?;
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            Ok::<_, Status>(Millis(now.0.saturating_sub(age)))
        })
        .transpose()?;
    let outcome = job::Outcome::from_wire(outcome);
    let unsaid = Some(job::State::Parked).filter(|_| outcome.is_none());
    Ok(Filter {
        workflow_id: some(filter.workflow_id),
        document_id: some(filter.document_id),
        state: state(filter.state)?.or(unsaid),
        app: some(filter.app),
        member_id: some(filter.member_id),
        code: some(filter.code),
        outcome,
        received_before,
        ..Filter::default()
    })
}

/// It is shown on terminals and in logs.
fn text(name: &str, text: &str, longest: usize) -> Result<(), Status> {
    let problem = match text.chars().count() {
        0 => "is missing: it is kept with each job".to_owned(),
        length if length > longest => format!("has {length} characters; the most is {longest}"),
        _ if text.chars().any(char::is_control) => "has control characters".to_owned(),
        _ => return Ok(()),
    };
    Err(Status::invalid_argument(format!("`{name}` {problem}")))
}

#[cfg(test)]
mod tests {
    use proto::gateway::v1::Outcome as WireOutcome;

    use super::*;

    const NOW: Millis = Millis(1_700_000_000_000);

    fn request() -> ReplayRequest {
        ReplayRequest {
            by: "Ann".into(),
            why: "mended".into(),
            ..ReplayRequest::default()
        }
    }

    fn refused(request: ReplayRequest) -> String {
        Order::replay(request, NOW).unwrap_err().message().to_owned()
    }

    #[test]
    fn nobody_replays_everything_by_accident() {
        assert!(refused(request()).contains("all = true"));
        let filter = Some(WireFilter::default());
        assert!(refused(ReplayRequest { filter, ..request() }).contains("all = true"));
        let (all, ids) = (true, vec!["0".repeat(32)]);
        let order = Order::replay(ReplayRequest { all, ..request() }, NOW).unwrap();
        let Which::Fitting(fitting) = order.which else {
            panic!("a filter")
        };
        assert_eq!(fitting.state, Some(job::State::Parked));
        assert!(refused(ReplayRequest { all, ids, ..request() }).contains("either"));
    }

    #[test]
    fn who_and_why_are_needed_unless_it_only_counts() {
        let all = ReplayRequest {
            all: true,
            ..ReplayRequest::default()
        };
        assert!(refused(all.clone()).contains("`by`"));
        let by = "Ann".to_owned();
        assert!(refused(ReplayRequest { by, ..all.clone() }).contains("`why`"));
        let counts = ReplayRequest {
            dry_run: true,
            ..all.clone()
        };
        assert!(Order::replay(counts, NOW).is_ok());
        for (why, problem) in [("x".repeat(501), "501"), ("a\u{1b}[2J".into(), "control")] {
            let request = ReplayRequest {
                all: true,
                why,
                ..request()
            };
            assert!(refused(request).contains(problem));
        }
    }

    #[test]
    fn conditions_are_checked() {
        let age = |seconds| {
            let older_than = Some(prost_types::Duration { seconds, nanos: 0 });
            let filter = Some(WireFilter {
                older_than,
                ..WireFilter::default()
            });
            Order::replay(ReplayRequest { filter, ..request() }, NOW)
        };
        let Which::Fitting(fitting) = age(60).unwrap().which else {
            panic!("a filter")
        };
        assert_eq!(fitting.received_before, Some(Millis(NOW.0 - 60_000)));
        assert!(age(-1).is_err());
        let filter = Some(WireFilter {
            outcome: WireOutcome::PortalGone.into(),
            ..WireFilter::default()
        });
        let Which::Fitting(fitting) = Order::replay(ReplayRequest { filter, ..request() }, NOW).unwrap().which else {
            panic!("a filter")
        };
        assert_eq!((fitting.state, fitting.outcome), (None, Some(job::Outcome::PortalGone)));
        for wrong in [
            WireFilter {
                state: 99,
                ..WireFilter::default()
            },
            WireFilter {
                outcome: 99,
                ..WireFilter::default()
            },
        ] {
            let filter = Some(wrong);
            assert!(refused(ReplayRequest { filter, ..request() }).contains("99"));
        }
        let ids = vec!["x".to_owned()];
        assert!(refused(ReplayRequest { ids, ..request() }).contains("no job id"));
        let ids = vec!["0".repeat(32); 501];
        assert!(refused(ReplayRequest { ids, ..request() }).contains("501"));
    }
}
