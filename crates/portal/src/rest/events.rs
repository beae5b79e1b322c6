//! `event.bind` and its kin: only for an application's token.

use serde_json::{Value, json};

use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    php::{cast::to_int, text::upper_keys},
    rest,
    state::{EventHandler, Portal, app::AppRow},
};

/// Events that can be bound. The server has hundreds; these are the ones that matter to a business process app.
const EVENTS: [&str; 7] = [
    "ONAPPINSTALL",
    "ONAPPUNINSTALL",
    "ONAPPUPDATE",
    "ONAPPPAYMENT",
    "ONAPPMETHODCONFIRM",
    "ONAPPTEST",
    "ONUSERADD",
];

fn app<'a>(portal: &'a Portal, context: &Context) -> Result<&'a AppRow, Failure> {
    context
        .client_id
        .as_ref()
        .and_then(|id| portal.apps.get(id))
        .ok_or_else(|| {
            Failure::new(
                403,
                "WRONG_AUTH_TYPE",
                "Current authorization type is denied for this method",
            )
        })
}

fn text(params: &Params, key: &str) -> String {
    params.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Binds a handler. A second time is an error that a client has to take for success.
pub(super) fn bind(portal: &mut Portal, context: &Context, params: &Params) -> Outcome {
    let client_id = app(portal, context)?.client_id.clone();
    let params = upper_keys(params);
    let event = text(&params, "EVENT").to_uppercase();
    if event.is_empty() {
        return Err(argument("EVENT"));
    }
    let auth_type = params.get("AUTH_TYPE").map_or(0, to_int);
    let handler = text(&params, "HANDLER");
    if handler.is_empty() {
        return Err(argument("HANDLER"));
    }
    if !EVENTS.contains(&event.as_str()) {
        return Err(Failure::bad("ERROR_EVENT_NOT_FOUND", "Event not found"));
    }
    rest::check_handler(params.get("HANDLER"))?;
    let auth_type = u64::try_from(auth_type).unwrap_or(0);
    let same = |row: &EventHandler| {
        row.client_id == client_id && row.event == event && row.handler == handler && row.auth_type == auth_type
    };
    if portal.event_handlers.iter().any(same) {
        return Err(Failure::bad(
            "ERROR_CORE",
            "Unable to set event handler: Handler already binded",
        ));
    }
    let id = portal.next_handler_id();
    portal.event_handlers.push(EventHandler {
        id,
        client_id,
        event,
        handler,
        auth_type,
        built_in: false,
    });
    Ok(Reply::new(true))
}

fn argument(name: &str) -> Failure {
    let mut failure = Failure::bad("ERROR_ARGUMENT", format!("Argument '{name}' is null or empty"));
    if let Failure::Rest { extra, .. } = &mut failure {
        extra.insert("argument".into(), json!(name));
    }
    failure
}

/// Removes the handlers that fit.
pub(super) fn unbind(portal: &mut Portal, context: &Context, params: &Params) -> Outcome {
    let client_id = app(portal, context)?.client_id.clone();
    let params = upper_keys(params);
    let (event, handler) = (text(&params, "EVENT").to_uppercase(), text(&params, "HANDLER"));
    if event.is_empty() {
        return Err(argument("EVENT"));
    }
    if handler.is_empty() {
        return Err(argument("HANDLER"));
    }
    let user = params
        .get("AUTH_TYPE")
        .map(to_int)
        .and_then(|user| u64::try_from(user).ok());
    let before = portal.event_handlers.len();
    portal.event_handlers.retain(|row| {
        !(row.client_id == client_id
            && row.event == event
            && row.handler == handler
            && user.is_none_or(|user| user == row.auth_type))
    });
    Ok(Reply::new(json!({"count": before - portal.event_handlers.len()})))
}

/// Lists the app's handlers.
pub(super) fn get(portal: &Portal, context: &Context) -> Outcome {
    let client_id = &app(portal, context)?.client_id;
    let rows = portal.event_handlers.iter().filter(|row| row.client_id == *client_id);
    let rows = rows.map(
        |row| json!({"event": row.event, "handler": row.handler, "auth_type": row.auth_type.to_string(), "offline": 0}),
    );
    Ok(Reply::new(rows.collect::<Vec<_>>()))
}

/// Sends ONAPPTEST to who has bound it.
pub(super) fn test(portal: &mut Portal, context: &Context, params: &Params) -> Outcome {
    let client_id = app(portal, context)?.client_id.clone();
    let data = json!({"QUERY": params, "LANGUAGE_ID": portal.settings.language});
    portal.post_event(&client_id, "ONAPPTEST", &data, Some(context.user_id));
    Ok(Reply::new(true))
}
