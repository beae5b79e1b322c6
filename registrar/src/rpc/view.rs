//! Our types as messages.

use activity::Kind;
use jiff::Timestamp;
use proto::registrar::v1 as pb;

use crate::{
    definition::{Current, Problem},
    installation::Installation,
    storage::Registration,
};

pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

pub(super) fn registration(registration: Registration) -> pb::RegisteredActivity {
    pb::RegisteredActivity {
        code: registration.code,
        robot: registration.kind == Kind::Robot,
        name: registration.name,
        step: registration.step.into(),
        observed: registration.observed,
        problem: registration.problem,
    }
}

/// With the form and the zone of its dates as configured.
pub(super) fn installation(
    installation: Installation,
    registrations: Vec<Registration>,
    (culture, time_zone): (String, String),
) -> pb::InstallationView {
    pb::InstallationView {
        app: installation.key.app,
        member_id: installation.key.member_id,
        client_endpoint: installation.client_endpoint,
        state: installation.state.into(),
        user_id: installation.user_id,
        created: Some(timestamp(installation.created)),
        reconciled: installation.reconciled.map(timestamp),
        problem: installation.problem,
        activities: registrations.into_iter().map(self::registration).collect(),
        culture,
        time_zone,
    }
}

pub(super) fn definitions(current: &Current) -> impl Iterator<Item = pb::Definition> {
    current.set.activities().iter().map(|activity| pb::Definition {
        app: current.app.clone(),
        executor: current.executor.clone(),
        revision: current.revision.clone(),
        code: activity.code().to_owned(),
        robot: activity.kind() == Kind::Robot,
        method: activity.path().trim_start_matches('/').to_owned(),
        parameters_json: serde_json::Value::Object(activity.parameters()).to_string(),
    })
}

pub(super) fn problem(problem: Problem) -> pb::ExecutorProblem {
    pb::ExecutorProblem {
        app: problem.app,
        executor: problem.executor,
        problem: problem.text,
    }
}
