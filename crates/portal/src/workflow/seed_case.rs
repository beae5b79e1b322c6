//! Workflows in the states that cases of the running server name.

use serde_json::{Map, Value, json};

use super::{Closed, Kind, StepState, seed, template::{Call, Element}, token};
use crate::{
    registry::{ActivityRow, internal_code},
    state::Portal,
};

/// Code of the activity that these workflows call.
const CODE: &str = "act";

/// Puts the workflow of a case's setup in place: `id`, `state`, and either `steps` with `s1_token`, or `branches` with `tokens`.
/// Gives its id, which names no workflow at all when the state is `unknown`.
///
/// # Errors
/// The setup lacks a field, or names a state that is not known.
pub fn put(portal: &mut Portal, client_id: &str, setup: &Map<String, Value>) -> Result<String, String> {
    let text = |key: &str| setup.get(key).and_then(Value::as_str).ok_or_else(|| format!("setup.workflow has no {key}"));
    let (id, state) = (text("id")?.to_owned(), text("state")?);
    if state == "unknown" {
        return Ok(id);
    }
    register(portal, client_id);
    let call = Call { code: CODE.into(), client_id: client_id.into(), ..Call::default() };
    let parallel = setup.get("parallel").and_then(Value::as_bool).unwrap_or_default();
    let tokens: Vec<String> = match setup.get("tokens").and_then(Value::as_array) {
        Some(tokens) => tokens.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => vec![text("s1_token")?.to_owned()],
    };
    let later = setup.get("steps").and_then(Value::as_array).map_or(0, |steps| steps.len().saturating_sub(1));
    let then = (0..later).map(|n| Element::Call(Box::new(Call { name: format!("A{}_{}", n + 2, n + 1002), ..call.clone() })));
    let first = tokens.first().cloned().unwrap_or_default();
    let seed = seed::Seed { tokens, parallel, then: then.collect(), call, started_by: 1, ..seed::Seed::default() };
    seed::workflow(portal, seed).ok_or("setup.workflow has no usable token")?;

    let now = portal.clock.seconds();
    let workflow = portal.workflows.get_mut(&id).ok_or("the token names another workflow")?;
    match state {
        "waiting" => {}
        "document_deleted" => workflow.document_deleted = true,
        "state_missing" => workflow.state_missing = true,
        "consumed" => consume(workflow, &first),
        "finished" => seed::finish(portal, &id),
        "locked" | "locked_expired" => {
            let row = portal.instances.get_mut(&id).ok_or("no instance row")?;
            row.owner_id = Some("6b0642000000a1.11111111".into());
            row.owned_until = Some(if state == "locked" { now + 300 } else { now - 300 });
        }
        other => return Err(format!("unknown state {other}")),
    }
    Ok(id)
}

/// The first step was answered and the second waits.
fn consume(workflow: &mut super::Workflow, first: &str) {
    let name = first.rsplit_once('.').and_then(|(value, _)| token::parts(value).1).unwrap_or_default();
    if let Some(step) = workflow.step_mut(name) {
        step.state = StepState::Closed { how: Closed::Answered };
        step.completions = 1;
    }
    for node in &mut workflow.nodes {
        match &mut node.kind {
            Kind::Sequence { next, .. } => *next = 2,
            Kind::Activity(step) if step.state == StepState::Pending => {
                step.state = StepState::Waiting { event_id: "another".into(), deadline: None };
            }
            Kind::Parallel { .. } | Kind::Activity(_) => {}
        }
    }
}

fn register(portal: &mut Portal, client_id: &str) {
    let internal_code = internal_code(client_id, CODE);
    let row = ActivityRow {
        app_id: client_id.to_owned(),
        app_name: json!({"*": client_id}),
        code: CODE.into(),
        internal_code: internal_code.clone(),
        handler: "https://a.b/x".into(),
        auth_user_id: 1,
        use_subscription: "Y".into(),
        use_placement: "N".into(),
        name: json!({"*": "act"}),
        description: Value::Null,
        properties: Value::Null,
        return_properties: json!({"Out": {"NAME": "Out", "TYPE": "string"}, "Num": {"NAME": "Num", "TYPE": "int"}}),
        document_type: Value::Null,
        filter: Value::Null,
        is_robot: false,
    };
    portal.registry.activities.insert(internal_code, row);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        app::AppRow,
        clock::Clock,
        context::{Body, Context, Params},
        rest, workflow,
    };

    /// What a case looks at once the background jobs have run.
    fn after(portal: &Portal, id: &str, calls: usize, saves: u64) -> Value {
        let row = portal.instances.get(id);
        let workflow = portal.workflows.get(id);
        json!({
            "instance_row": row.is_some(),
            "next_step_called": calls > 0,
            "log": workflow.map(|workflow| workflow.custom_log()).unwrap_or_default(),
            "lock_held_after": row.is_some_and(|row| row.owner_id.is_some()),
            "modified_changed": workflow.is_some_and(|workflow| workflow.saves != saves),
        })
    }

    #[test]
    fn answers_and_log_lines_have_the_effects_seen_on_the_server() {
        let cases = include_str!("../../../../tests/fixtures/server-cases.jsonl");
        let (mut run, mut failed) = (0, Vec::new());
        for line in cases.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let Some(setup) = case["setup"][0]["workflow"].as_object() else { continue };
            run += 1;
            let client_id = case["context"]["client_id"].as_str();
            let mut portal = Portal::new("m", "portal.test", "https://oauth.test/rest/", Clock::frozen(1_795_000_000));
            let app = AppRow { client_id: "local.aaaa1111.11111111".into(), ..AppRow::default() };
            portal.apps.insert(app.client_id.clone(), app);
            let id = put(&mut portal, "local.aaaa1111.11111111", setup).unwrap();
            let saves = portal.workflows.get(&id).map_or(0, |workflow| workflow.saves);
            let mut context = Context { client_id: client_id.map(str::to_owned), user_id: 1, ..Context::default() };
            let params: Params = case["params"].as_object().cloned().unwrap();

            let method = case["method"].as_str().unwrap();
            let response = rest::dispatch(&mut portal, &mut context, method, &params);
            workflow::run_jobs(&mut portal, &context.jobs);

            let expect = &case["expect"];
            let mut right = response.status == expect["http"];
            match (&response.body, expect["not_json"] == true) {
                (Body::Json(body), false) => {
                    for key in ["error", "error_description"] {
                        right &= body.get(key) == expect.get(key);
                    }
                    right &= method == "batch" || body.get("result") == expect.get("result");
                }
                (Body::Other { .. }, true) => {}
                _ => right = false,
            }
            let after = after(&portal, &id, portal.outbox.len(), saves);
            for (key, value) in case["after_background_jobs"].as_object().into_iter().flatten() {
                right &= after[key] == *value;
            }
            if !right {
                failed.push(format!("{}: {response:?}\n  {after}\n  {}", case["id"], case["after_background_jobs"]));
            }
        }
        assert!(run > 100, "the cases are there");
        assert!(failed.is_empty(), "{} of {run} failed:\n{}", failed.len(), failed.join("\n"));
    }
}
