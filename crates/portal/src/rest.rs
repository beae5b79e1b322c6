//! The dispatcher of REST methods: what every call goes through, single or in a batch.

mod batch;
mod events;
mod filter;
mod instances;
mod methods;
mod registry;
mod scope;

pub(crate) use registry::check_handler;

use serde_json::Value;

use crate::{
    context::{Context, Failure, Outcome, Params, Response},
    php::{cast, json},
    state::Portal,
};

/// Methods beside the portal's own, by lower-case name, with the parameters and `start`; `None` = no such method.
pub(crate) type Extra = fn(&str, &Params, i64) -> Option<Outcome>;

/// Parameters that authorise a request; methods do not see them.
const AUTHORISATION: [&str; 2] = ["auth", "access_token"];

/// What a call hands to the commands of its batch.
struct Call<'a> {
    extra: Extra,
    /// Authorising parameters that the request has.
    authorisation: &'a [&'a str],
    in_batch: bool,
}

impl Call<'_> {
    fn of_batch(&self) -> Self {
        Self {
            in_batch: true,
            ..*self
        }
    }
}

/// Runs one method and gives the response, without its `time` block.
pub fn dispatch(portal: &mut Portal, context: &mut Context, method: &str, params: &Params) -> Response {
    dispatch_with(portal, context, method, params, |_, _, _| None)
}

/// [`dispatch`] with more methods.
pub(crate) fn dispatch_with(
    portal: &mut Portal,
    context: &mut Context,
    method: &str,
    params: &Params,
    extra: Extra,
) -> Response {
    let mut params = params.clone();
    if portal.settings.security_filter {
        params = filter::params(params);
    }
    let authorisation: Vec<&str> = AUTHORISATION
        .into_iter()
        .filter(|name| params.shift_remove(*name).is_some())
        .collect();
    let call = Call {
        extra,
        authorisation: &authorisation,
        in_batch: false,
    };
    run(portal, context, &method.to_lowercase(), params, &call).into()
}

/// Runs a method by its lower-case name.
fn run(portal: &mut Portal, context: &mut Context, method: &str, mut params: Params, call: &Call<'_>) -> Outcome {
    portal.counters.called(method, call.in_batch);
    if !portal.settings.bizproc && scope::is_planned(method) {
        return Err(Failure::method_not_found());
    }
    scope::check(context, method, call.in_batch)?;
    if let Some(token) = cast::set(params.get("token")) {
        scope::check_link(method, token)?;
    }
    let start = match params.get("start") {
        Some(start) if !start.is_null() => {
            let start = cast::to_int(start);
            params.shift_remove("start");
            start
        }
        _ => 0,
    };
    if method == "batch" {
        return batch::call(portal, context, &params, call).and_then(envelope);
    }
    operate(portal, context, method)?;
    let outcome = registry::call(portal, context, method, &params)
        .or_else(|| instances::call(portal, context, method, &params, start))
        .or_else(|| methods::call(portal, context, method, &params))
        .or_else(|| (call.extra)(method, &params, start))
        .unwrap_or_else(|| Err(Failure::method_not_found()));
    outcome.and_then(envelope)
}

/// Counts a call for the time that its method works, where an account is kept. A batch's commands count each for its own method.
fn operate(portal: &mut Portal, context: &mut Context, method: &str) -> Result<(), Failure> {
    let limit = portal.settings.operating;
    if limit.limit_ms == 0 {
        return Ok(());
    }
    let now = portal.clock.seconds();
    let account = portal
        .operating
        .call(limit, context.client_id.as_deref(), method, now)
        .map_err(|_| {
            Failure::new(
                429,
                "OPERATION_TIME_LIMIT",
                "Method is blocked due to operation time limit.",
            )
        })?;
    context.operating = Some(account);
    Ok(())
}

/// What the server makes of a method's result: `next` and `total` move out of it, and a result that looks like an error is one.
fn envelope(mut reply: crate::context::Reply) -> Outcome {
    if let Value::Object(result) = &mut reply.result {
        let given = |key: &str| !cast::is_empty(result.get(key));
        if given("error") && given("error_description") {
            let extra = std::mem::take(result);
            return Err(Failure::Rest {
                status: 200,
                code: String::new(),
                description: String::new(),
                extra,
            });
        }
        if let Some(next) = result.get("next").filter(|next| !next.is_null()).map(cast::to_int) {
            reply.next = Some(next);
            result.shift_remove("next");
        }
        if let Some(total) = result.shift_remove("total") {
            reply.total = Some(cast::to_int(&total));
        }
    }
    reply.result = json::output(reply.result);
    Ok(reply)
}
