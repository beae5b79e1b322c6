//! `batch`: up to fifty commands `method?query`, one after another, each able to use what the earlier ones gave.

mod results;
mod substitute;

use serde_json::{Map, Value};

use self::results::Results;
use super::{Call, filter};
use crate::{
    context::{Context, Outcome, Params, Reply},
    php::{cast::truthy, json::elements, query, text::upper_keys, url},
    state::Portal,
};

/// Commands that are run; the others get an error each.
const LENGTH: usize = 50;

/// Runs the commands. A PHP error in one of them ends the whole request.
pub(super) fn call(portal: &mut Portal, context: &mut Context, params: &Params, call: &Call<'_>) -> Outcome {
    let params = upper_keys(params);
    let halt = params.get("HALT").is_some_and(truthy);
    let mut results = Results::default();
    for (index, (key, command)) in params
        .get("CMD")
        .map(elements)
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let answer = if index >= LENGTH {
            results::refused("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        } else if let Value::String(command) = command {
            one(portal, context, command, &results, call)?
        } else {
            continue;
        };
        if results.add(&key, answer) && halt {
            break;
        }
    }
    Ok(Reply::new(results.into_json()))
}

/// Runs one command and gives its answer as a single call would, with its `time`.
fn one(
    portal: &mut Portal,
    context: &mut Context,
    command: &str,
    results: &Results,
    call: &Call<'_>,
) -> Result<Map<String, Value>, crate::context::Failure> {
    let parts = url::parse(command).unwrap_or_default();
    let method = parts.path.unwrap_or_default();
    let mut params = substitute::params(query::parse(&parts.query.unwrap_or_default()), results);
    if portal.settings.security_filter {
        params = filter::params(params);
    }
    // Compared as spelled: `BATCH` passes and runs nested.
    if matches!(method.as_str(), "download" | "upload" | "batch") {
        return Ok(results::refused(
            "ERROR_BATCH_METHOD_NOT_ALLOWED",
            "Method is not allowed for batch usage",
        ));
    }
    // The request's own authorisation replaces a command's, and is then taken away.
    params.retain(|name, _| !call.authorisation.contains(&name.as_str()));
    let start = portal.clock.micros();
    let outcome = super::run(portal, context, &method.to_lowercase(), params, &call.of_batch());
    results::answer(outcome, start, portal, context.operating.take())
}
