//! The dispatcher of REST methods.

mod registry;

use crate::{
    context::{Context, Failure, Outcome, Params, Response},
    php::{cast, json},
    state::Portal,
};

/// Methods beside the portal's own, by lower-case name, with the parameters and `start`; `None` = no such method.
pub(crate) type Extra = fn(&str, &Params, i64) -> Option<Outcome>;

/// Runs one method and gives the response, without its `time` block.
pub fn dispatch(portal: &mut Portal, context: &mut Context, method: &str, params: &Params) -> Response {
    dispatch_with(portal, context, method, params, |_, _, _| None)
}

/// [`dispatch`] with more methods.
pub(crate) fn dispatch_with(portal: &mut Portal, context: &mut Context, method: &str, params: &Params, extra: Extra) -> Response {
    let mut params = params.clone();
    for name in ["auth", "access_token"] {
        params.shift_remove(name);
    }
    let start = params.shift_remove("start").map_or(0, |start| cast::to_int(&start));
    call(portal, context, &method.to_lowercase(), &params, start, extra).into()
}

fn call(portal: &mut Portal, context: &mut Context, method: &str, params: &Params, start: i64, extra: Extra) -> Outcome {
    let outcome = registry::call(portal, context, method, params)
        .or_else(|| crate::methods::call(portal, context, method, params))
        .or_else(|| extra(method, params, start))
        .unwrap_or_else(|| Err(Failure::method_not_found()));
    outcome.map(|mut reply| {
        reply.result = json::output(reply.result);
        reply
    })
}
