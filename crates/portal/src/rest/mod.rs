//! The dispatcher of REST methods.

use crate::{
    context::{Context, Failure, Params, Response},
    state::Portal,
};

/// Runs one method and gives the response, without its `time` block.
pub fn dispatch(portal: &mut Portal, context: &mut Context, method: &str, params: &Params) -> Response {
    crate::methods::call(portal, context, method, params).unwrap_or(Err(Failure::method_not_found())).into()
}
