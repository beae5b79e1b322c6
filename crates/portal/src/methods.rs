//! Methods outside of the registry, batch and list of instances.

use crate::{
    context::{Context, Outcome, Params},
    state::Portal,
    workflow,
};

/// Calls a method by its lower-case name; `None` = not one of these.
pub fn call(portal: &mut Portal, context: &mut Context, method: &str, params: &Params) -> Option<Outcome> {
    Some(match method {
        "bizproc.event.send" => workflow::event_send(portal, context, params),
        "bizproc.activity.log" => workflow::activity_log(portal, context, params),
        _ => return None,
    })
}
