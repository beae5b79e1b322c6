//! `bizproc.activity.*` and `bizproc.robot.*`: add, update, delete, list. The two families share everything but the flag on the row.

mod add;
mod check;
mod placement;
mod row;
mod update;

pub(crate) use check::handler as check_handler;

use serde_json::Value;

use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    php::{cast, text::upper_keys},
    state::{
        Portal,
        registry::{ActivityRow, internal_code},
    },
};

/// Activity or robot: the `IS_ROBOT` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Activity,
    Robot,
}

/// Calls a method of the registry by its lower-case name; `None` = not one of these.
pub(super) fn call(portal: &mut Portal, context: &Context, method: &str, params: &Params) -> Option<Outcome> {
    let (family, verb) = method.strip_prefix("bizproc.")?.split_once('.')?;
    let kind = match family {
        "activity" => Kind::Activity,
        "robot" => Kind::Robot,
        _ => return None,
    };
    match verb {
        "add" => Some(add::add(portal, context, kind, params)),
        "update" => Some(update::update(portal, context, kind, params)),
        "delete" => Some(delete(portal, context, kind, params)),
        "list" => Some(list(portal, context, kind)),
        _ => None,
    }
}

fn delete(portal: &mut Portal, context: &Context, kind: Kind, params: &Params) -> Outcome {
    let client_id = application(context)?;
    let params = upper_keys(params);
    administrator(context)?;
    let code = check::code(params.get("CODE"))?;
    let internal = found(portal, client_id, code, kind)?.internal_code.clone();
    portal.registry.activities.shift_remove(&internal);
    placement::remove(&mut portal.registry, row::app_row(portal.apps.get(client_id)), code);
    Ok(Reply::new(true))
}

/// Codes in the order of registration; no paging, whatever the parameters say.
fn list(portal: &Portal, context: &Context, kind: Kind) -> Outcome {
    let client_id = application(context)?;
    administrator(context)?;
    let rows = portal.registry.activities.values();
    let own = rows.filter(|row| row.app_id == client_id && row.is_robot == (kind == Kind::Robot));
    Ok(Reply::new(own.map(|row| row.code.clone()).collect::<Vec<_>>()))
}

/// The calling application; `""` and `"0"` are none.
fn application(context: &Context) -> Result<&str, Failure> {
    context
        .client_id
        .as_deref()
        .filter(|id| !id.is_empty() && *id != "0")
        .ok_or_else(Failure::no_application)
}

fn administrator(context: &Context) -> Result<(), Failure> {
    if context.admin {
        Ok(())
    } else {
        Err(Failure::access_denied())
    }
}

fn found<'a>(portal: &'a Portal, client_id: &str, code: &str, kind: Kind) -> Result<&'a ActivityRow, Failure> {
    let row = portal.registry.activities.get(&internal_code(client_id, code));
    row.filter(|row| row.is_robot == (kind == Kind::Robot))
        .ok_or_else(|| Failure::bad("ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!"))
}

/// Keys of the whole tree in upper case, but for those right under a key spelled exactly `PROPERTIES`, `RETURN_PROPERTIES` or `OPTIONS`.
fn upper_tree(params: &Params, keep: bool) -> Params {
    let mut params = if keep { params.clone() } else { upper_keys(params) };
    for (key, value) in &mut params {
        let keep = matches!(key.as_str(), "PROPERTIES" | "RETURN_PROPERTIES" | "OPTIONS");
        upper_value(value, keep);
    }
    params
}

fn upper_value(value: &mut Value, keep: bool) {
    match value {
        Value::Object(map) => *map = upper_tree(map, keep),
        // The keys of a list are numbers.
        Value::Array(items) => items.iter_mut().for_each(|item| upper_value(item, false)),
        _ => {}
    }
}

fn invalid(description: impl Into<String>) -> Failure {
    Failure::bad("ERROR_ACTIVITY_VALIDATION_FAILURE", description)
}

/// The value behind a key, unless it is missing or null.
fn given<'a>(params: &'a Params, key: &str) -> Option<&'a Value> {
    cast::set(params.get(key))
}
