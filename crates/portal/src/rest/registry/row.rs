//! From checked parameters to columns: what the table keeps of a value.

use serde_json::{Map, Value, json};

use crate::{
    php::{cast, serialize, text::cut},
    state::app::AppRow,
};

/// Width of `CODE` and `APP_ID`, characters.
pub(super) const CODE_WIDTH: usize = 128;
/// Width of `HANDLER`, characters.
pub(super) const HANDLER_WIDTH: usize = 1000;
/// A serialized property map must be shorter, bytes.
const PROPERTIES_LIMIT: usize = 65_535;
/// What a TEXT column holds, bytes: more is cut, and what is cut can't be unserialized.
const TEXT_WIDTH: usize = 65_535;

/// The app's row number; 0 for an app the portal does not know.
pub(super) fn app_row(app: Option<&AppRow>) -> u64 {
    app.map_or(0, |app| app.id)
}

/// Name of the app by language: `*` is its own name or its market code.
pub(super) fn app_name(app: Option<&AppRow>) -> Value {
    let Some(app) = app else { return json!({"*": null}) };
    let own = app
        .name
        .as_deref()
        .filter(|name| !name.is_empty() && *name != "0")
        .unwrap_or(&app.code);
    let mut names = Map::from_iter([("*".to_owned(), own.into())]);
    names.extend(
        app.menu_names
            .iter()
            .map(|(language, name)| (language.to_uppercase(), name.clone())),
    );
    Value::Object(names)
}

/// `NAME` and `DESCRIPTION`: a scalar is the text for all languages.
pub(super) fn localized(value: &Value) -> Value {
    let value = if cast::is_array(value) {
        value.clone()
    } else {
        json!({"*": cast::to_text(value)})
    };
    text_column(value)
}

/// A value in a TEXT column as it is read back: false once its serialized form was cut.
pub(super) fn text_column(value: Value) -> Value {
    if serialize::length(&value) > TEXT_WIDTH {
        Value::Bool(false)
    } else {
        value
    }
}

/// `AUTH_USER_ID`: clipped to the column's 32 bits.
pub(super) fn user_id(value: &Value) -> i64 {
    cast::to_int(value).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

/// `USE_SUBSCRIPTION`: one character, and a blank is none.
pub(super) fn subscription(value: &Value) -> String {
    cut(&cast::to_text(value), 1).trim_end_matches(' ').to_owned()
}

/// Whether the placement is used: exactly `Y`.
pub(super) fn flag(value: Option<&Value>) -> &'static str {
    if value.and_then(Value::as_str) == Some("Y") {
        "Y"
    } else {
        "N"
    }
}

/// Whether a property map is too long for its column.
pub(super) fn too_long(properties: &Value) -> bool {
    serialize::length(properties) >= PROPERTIES_LIMIT
}
