//! Rights of a token, and the portal's plan.

use serde_json::Value;

use crate::{
    context::{Context, Failure},
    php::cast::{is_array, to_text},
};

/// Where the methods live that need no right.
const GLOBAL: &str = "_global";

/// The methods that need a right, by the first part of the name. Every other method is open to all tokens.
const SCOPED: [&str; 28] = [
    "bizproc.activity.add",
    "bizproc.activity.delete",
    "bizproc.activity.list",
    "bizproc.activity.log",
    "bizproc.activity.update",
    "bizproc.event.send",
    "bizproc.provider.add",
    "bizproc.provider.delete",
    "bizproc.provider.list",
    "bizproc.robot.add",
    "bizproc.robot.delete",
    "bizproc.robot.list",
    "bizproc.robot.update",
    "bizproc.task.complete",
    "bizproc.task.delegate",
    "bizproc.task.list",
    "bizproc.workflow.instance.list",
    "bizproc.workflow.instances",
    "bizproc.workflow.kill",
    "bizproc.workflow.start",
    "bizproc.workflow.template.add",
    "bizproc.workflow.template.delete",
    "bizproc.workflow.template.list",
    "bizproc.workflow.template.update",
    "bizproc.workflow.terminate",
    "user.current",
    "user.get",
    "user.search",
];

/// The scope a method belongs to.
fn of(method: &str) -> Option<&str> {
    SCOPED.contains(&method).then(|| method.split('.').next()).flatten()
}

/// Whether the method exists only on plans with business processes.
pub(super) fn is_planned(method: &str) -> bool {
    of(method) == Some("bizproc")
}

/// A call with a parameter `token` is taken for a signed link, `scope|query|signature`: of another scope the method does not exist, and
/// no signature is right here.
pub(super) fn check_link(method: &str, token: &Value) -> Result<(), Failure> {
    if is_array(token) {
        return Err(Failure::Php("TypeError".into()));
    }
    let token = to_text(token);
    let scope = match token.split('|').next() {
        None | Some("") => GLOBAL,
        Some(scope) => scope,
    };
    if !token.is_empty() && scope != of(method).unwrap_or(GLOBAL) {
        return Err(Failure::method_not_found());
    }
    Err(Failure::new(403, "ACCESS_DENIED", "Access denied! Link check failed"))
}

/// Refuses a token without the method's scope. In a batch the refusal has no text.
pub(super) fn check(context: &Context, method: &str, in_batch: bool) -> Result<(), Failure> {
    let allowed = match (of(method), &context.scope) {
        (Some(scope), Some(scopes)) => scopes.iter().any(|own| grants(own, scope)),
        _ => true,
    };
    if allowed {
        return Ok(());
    }
    let text = if in_batch {
        ""
    } else {
        "The request requires higher privileges than provided by the access token"
    };
    Err(Failure::new(401, "insufficient_scope", text))
}

/// A right, or one of the narrower ones that open the same methods.
fn grants(own: &str, scope: &str) -> bool {
    own == scope || (scope == "user" && matches!(own, "user_basic" | "user_brief"))
}
