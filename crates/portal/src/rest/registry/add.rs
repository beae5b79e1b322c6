//! `bizproc.activity.add` and `bizproc.robot.add`.

use serde_json::Value;

use super::{Kind, administrator, application, check, given, invalid, placement, row, upper_tree};
use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    php::cast::{is_array, is_empty},
    state::{
        Portal,
        registry::{ActivityRow, internal_code},
    },
};

/// Registers a definition. Order of the checks: application, administrator, definition, duplicate, placement, widths, row.
pub(super) fn add(portal: &mut Portal, context: &Context, kind: Kind, params: &Params) -> Outcome {
    let client_id = application(context)?;
    administrator(context)?;
    let params = upper_tree(params, false);
    let code = definition(kind, &params)?.to_owned();
    let internal_code = internal_code(client_id, &code);
    if portal.registry.activities.contains_key(&internal_code) {
        return Err(Failure::bad(
            "ERROR_ACTIVITY_ALREADY_INSTALLED",
            "Activity or Robot already installed!",
        ));
    }
    let app = portal.apps.get(client_id);
    let (app_row, app_name) = (row::app_row(app), row::app_name(app));
    let use_placement = row::flag(params.get("USE_PLACEMENT"));
    if use_placement == "Y" {
        let dialog = params.get("PLACEMENT_HANDLER");
        check::handler(dialog)?;
        placement::bind(
            &mut portal.registry,
            client_id,
            app_row,
            &code,
            dialog.unwrap_or(&Value::Null),
        )?;
    }
    if !fits(client_id, &code, &params) {
        if use_placement == "Y" {
            placement::remove(&mut portal.registry, app_row, &code);
        }
        return Err(failure("Activity save error!"));
    }
    let subscription = params.get("USE_SUBSCRIPTION");
    // The placement stays behind in both of these.
    match subscription {
        Some(Value::Null) => return Err(failure("Activity or Robot already added!")),
        Some(value) if is_array(value) => return Err(Failure::Php("TypeError".into())),
        _ => {}
    }
    let column = |key: &str| params.get(key).cloned().unwrap_or(Value::Null);
    let row = ActivityRow {
        app_id: client_id.to_owned(),
        app_name,
        handler: params
            .get("HANDLER")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        auth_user_id: given(&params, "AUTH_USER_ID").map_or(0, row::user_id),
        use_subscription: subscription.map(row::subscription).unwrap_or_default(),
        use_placement: use_placement.to_owned(),
        name: row::localized(&column("NAME")),
        description: params.get("DESCRIPTION").map_or(Value::Null, row::localized),
        properties: column("PROPERTIES"),
        return_properties: column("RETURN_PROPERTIES"),
        document_type: row::text_column(column("DOCUMENT_TYPE")),
        filter: row::text_column(column("FILTER")),
        is_robot: kind == Kind::Robot,
        internal_code: internal_code.clone(),
        code,
    };
    portal.registry.activities.insert(internal_code, row);
    Ok(Reply::new(true))
}

/// Checks the definition; a robot's document type comes before its returned values.
fn definition(kind: Kind, params: &Params) -> Result<&str, Failure> {
    if params.is_empty() {
        return Err(invalid("Empty data!"));
    }
    let code = check::code(params.get("CODE"))?;
    check::handler(params.get("HANDLER"))?;
    if is_empty(params.get("NAME")) {
        return Err(invalid("Empty activity NAME!"));
    }
    let document_type = || given(params, "DOCUMENT_TYPE").map_or(Ok(()), check::document_type);
    let returned = || given(params, "RETURN_PROPERTIES").map_or(Ok(()), check::properties);
    given(params, "PROPERTIES").map_or(Ok(()), check::properties)?;
    match kind {
        Kind::Activity => returned().and_then(|()| document_type())?,
        Kind::Robot => document_type().and_then(|()| returned())?,
    }
    given(params, "FILTER").map_or(Ok(()), check::filter)?;
    Ok(code)
}

/// Whether every column is wide enough.
fn fits(client_id: &str, code: &str, params: &Params) -> bool {
    let handler = params.get("HANDLER").and_then(Value::as_str).unwrap_or_default();
    client_id.chars().count() <= row::CODE_WIDTH
        && code.chars().count() <= row::CODE_WIDTH
        && handler.chars().count() <= row::HANDLER_WIDTH
        && !["PROPERTIES", "RETURN_PROPERTIES"]
            .iter()
            .any(|key| params.get(*key).is_some_and(row::too_long))
}

fn failure(description: &str) -> Failure {
    Failure::bad("ERROR_ACTIVITY_ADD_FAILURE", description)
}
