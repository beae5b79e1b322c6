//! Methods outside of the registry, batch and list of instances.

use serde_json::{Map, Value, json};

use super::events;
use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    state::Portal,
    time_block::iso,
    workflow,
};

/// Every method there is, for `methods`.
const METHODS: [&str; 25] = [
    "app.info",
    "batch",
    "bizproc.activity.add",
    "bizproc.activity.delete",
    "bizproc.activity.list",
    "bizproc.activity.log",
    "bizproc.activity.update",
    "bizproc.event.send",
    "bizproc.robot.add",
    "bizproc.robot.delete",
    "bizproc.robot.list",
    "bizproc.robot.update",
    "bizproc.workflow.instance.list",
    "bizproc.workflow.instances",
    "event.bind",
    "event.get",
    "event.test",
    "event.unbind",
    "method.get",
    "methods",
    "profile",
    "scope",
    "server.time",
    "user.admin",
    "user.current",
];

/// Calls a method by its lower-case name; `None` = not one of these.
pub(super) fn call(portal: &mut Portal, context: &mut Context, method: &str, params: &Params) -> Option<Outcome> {
    Some(match method {
        "bizproc.event.send" => workflow::event_send(portal, context, params),
        "bizproc.activity.log" => workflow::activity_log(portal, context, params),
        "app.info" => app_info(portal, context),
        "profile" => user(portal, context).map(|user| {
            let mut shown = json!({"ID": context.user_id.to_string(), "ADMIN": context.admin});
            person(&mut shown, user);
            Reply::new(shown)
        }),
        "user.current" => user(portal, context).map(|user| {
            let mut shown = json!({"ID": context.user_id.to_string(), "ACTIVE": user.active});
            person(&mut shown, user);
            Reply::new(shown)
        }),
        "user.admin" => Ok(Reply::new(context.admin)),
        "server.time" => Ok(Reply::new(iso(portal.clock.seconds(), portal.settings.zone_offset))),
        "scope" => Ok(Reply::new(
            context
                .scope
                .clone()
                .unwrap_or_else(|| vec!["bizproc".into(), "user".into()]),
        )),
        "methods" => Ok(Reply::new(METHODS.to_vec())),
        "method.get" => Ok(method_get(params)),
        "event.bind" => events::bind(portal, context, params),
        "event.unbind" => events::unbind(portal, context, params),
        "event.get" => events::get(portal, context),
        "event.test" => events::test(portal, context, params),
        _ => return None,
    })
}

/// `app.info` of the portal: less than the authorisation server's.
fn app_info(portal: &Portal, context: &Context) -> Outcome {
    let app = context
        .client_id
        .as_ref()
        .and_then(|id| portal.apps.get(id))
        .ok_or_else(Failure::no_application)?;
    Ok(Reply::new(json!({
        "ID": app.id,
        "CODE": app.code,
        "VERSION": app.version,
        "STATUS": app.status,
        "INSTALLED": app.installed,
        "PAYMENT_EXPIRED": if app.payment_expired { "Y" } else { "N" },
        "DAYS": null,
        "LANGUAGE_ID": portal.settings.language,
        "LICENSE": format!("{}_selfhosted", portal.settings.language),
    })))
}

fn user<'a>(portal: &'a Portal, context: &Context) -> Result<&'a crate::state::User, Failure> {
    portal
        .users
        .get(&context.user_id)
        .ok_or_else(|| Failure::bad("ERROR_CORE", "User not found"))
}

fn person(shown: &mut Value, user: &crate::state::User) {
    shown["NAME"] = json!(user.name);
    shown["LAST_NAME"] = json!(user.last_name);
    shown["PERSONAL_GENDER"] = json!("");
    shown["TIME_ZONE"] = json!(user.time_zone);
}

/// `method.get`: whether a method exists and may be called.
fn method_get(params: &Params) -> Reply {
    let name = params
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("name"))
        .and_then(|(_, name)| name.as_str());
    let exists = name.is_some_and(|name| METHODS.contains(&name.to_lowercase().as_str()));
    let mut shown = Map::new();
    shown.insert("isExisting".into(), exists.into());
    shown.insert("isAvailable".into(), exists.into());
    Reply::new(Value::Object(shown))
}
