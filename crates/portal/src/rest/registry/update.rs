//! `bizproc.activity.update` and `bizproc.robot.update`.

use serde_json::Value;

use super::{Kind, administrator, application, check, found, given, invalid, placement, row, upper_tree};
use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    php::cast::{is_empty, to_text},
    state::{Portal, registry::ActivityRow},
};

/// Columns that an update sets; `None` leaves one as it is.
#[derive(Default)]
struct Changes {
    handler: Option<String>,
    auth_user_id: Option<i64>,
    use_subscription: Option<String>,
    use_placement: Option<&'static str>,
    name: Option<Value>,
    description: Option<Value>,
    properties: Option<Value>,
    return_properties: Option<Value>,
    document_type: Option<Value>,
    filter: Option<Value>,
}

/// Changes a definition. Order of the checks: application, administrator, code, existence, fields, placement, widths. The placement is
/// changed before the row, and stays changed when the row is refused.
pub(super) fn update(portal: &mut Portal, context: &Context, kind: Kind, params: &Params) -> Outcome {
    let client_id = application(context)?;
    let params = upper_tree(params, false);
    administrator(context)?;
    let code = check::code(params.get("CODE"))?;
    let internal_code = found(portal, client_id, code, kind)?.internal_code.clone();
    let fields = match params.get("FIELDS") {
        Some(Value::Object(fields)) if !fields.is_empty() => fields,
        _ => return Err(nothing()),
    };
    let changes = Changes::read(fields)?;
    if changes.is_empty() {
        return Err(nothing());
    }
    let app_row = row::app_row(portal.apps.get(client_id));
    if let Some(dialog) = given(fields, "PLACEMENT_HANDLER") {
        check::handler(Some(dialog))?;
        placement::bind(&mut portal.registry, client_id, app_row, code, dialog)?;
    }
    if changes.use_placement == Some("N") {
        placement::remove(&mut portal.registry, app_row, code);
    }
    let problems = changes.too_long();
    if !problems.is_empty() {
        return Err(invalid(problems.join("; ")));
    }
    if let Some(row) = portal.registry.activities.get_mut(&internal_code) {
        changes.apply(row);
    }
    Ok(Reply::new(true))
}

fn nothing() -> Failure {
    invalid("No fields to update")
}

impl Changes {
    /// Reads and checks the fields in the server's order; null = not given.
    fn read(fields: &Params) -> Result<Self, Failure> {
        let mut changes = Self::default();
        if let Some(handler) = given(fields, "HANDLER") {
            check::handler(Some(handler))?;
            changes.handler = Some(to_text(handler).into_owned());
        }
        changes.auth_user_id = given(fields, "AUTH_USER_ID").map(row::user_id);
        changes.use_subscription = given(fields, "USE_SUBSCRIPTION").map(row::subscription);
        changes.use_placement = given(fields, "USE_PLACEMENT").map(|flag| row::flag(Some(flag)));
        changes.name = fields
            .get("NAME")
            .filter(|name| !is_empty(Some(name)))
            .map(row::localized);
        changes.description = given(fields, "DESCRIPTION").map(row::localized);
        changes.properties = properties(fields, "PROPERTIES")?;
        changes.return_properties = properties(fields, "RETURN_PROPERTIES")?;
        changes.document_type = clearable(fields, "DOCUMENT_TYPE", check::document_type)?;
        changes.filter = clearable(fields, "FILTER", check::filter)?;
        Ok(changes)
    }

    fn is_empty(&self) -> bool {
        self.handler.is_none()
            && self.auth_user_id.is_none()
            && self.use_subscription.is_none()
            && self.use_placement.is_none()
            && self.name.is_none()
            && self.description.is_none()
            && self.properties.is_none()
            && self.return_properties.is_none()
            && self.document_type.is_none()
            && self.filter.is_none()
    }

    /// Columns that are too narrow, in the server's words.
    fn too_long(&self) -> Vec<String> {
        let text =
            |field: &str, width: usize| format!("The length of \"{field}\" should not exceed {width} characters.");
        let mut problems = Vec::new();
        if self
            .handler
            .as_ref()
            .is_some_and(|handler| handler.chars().count() > row::HANDLER_WIDTH)
        {
            problems.push(text("HANDLER", row::HANDLER_WIDTH));
        }
        for (field, value) in [
            ("PROPERTIES", &self.properties),
            ("RETURN_PROPERTIES", &self.return_properties),
        ] {
            if value.as_ref().is_some_and(row::too_long) {
                problems.push(text(field, 65_535));
            }
        }
        problems
    }

    fn apply(self, row: &mut ActivityRow) {
        fn put<T>(column: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *column = value;
            }
        }
        put(&mut row.handler, self.handler);
        put(&mut row.auth_user_id, self.auth_user_id);
        put(&mut row.use_subscription, self.use_subscription);
        put(&mut row.use_placement, self.use_placement.map(str::to_owned));
        put(&mut row.name, self.name);
        put(&mut row.description, self.description);
        put(&mut row.properties, self.properties);
        put(&mut row.return_properties, self.return_properties);
        put(&mut row.document_type, self.document_type);
        put(&mut row.filter, self.filter);
    }
}

fn properties(fields: &Params, key: &str) -> Result<Option<Value>, Failure> {
    given(fields, key)
        .map(|value| check::properties(value).map(|()| value.clone()))
        .transpose()
}

/// A field that an empty value clears.
fn clearable(fields: &Params, key: &str, check: fn(&Value) -> Result<(), Failure>) -> Result<Option<Value>, Failure> {
    match given(fields, key) {
        None => Ok(None),
        Some(value) if is_empty(Some(value)) => Ok(Some(Value::Null)),
        Some(value) => check(value).map(|()| Some(row::text_column(value.clone()))),
    }
}
