//! Conversions of a step's values: before they go out, and when they are returned.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde_json::{Map, Value, json};

use crate::{
    php::cast::truthy,
    state::{Portal, registry::ActivityRow},
};

/// The user whose token an answer came with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Caller {
    /// Offset to the server's zone, seconds.
    pub zone_offset: i32,
}

/// Outputs of a step that has not been answered: the definition's defaults.
pub(super) fn defaults(row: &ActivityRow) -> Map<String, Value> {
    let definitions = row.return_properties.as_object().into_iter().flatten();
    definitions
        .map(|(key, definition)| (key.clone(), definition.get("DEFAULT").cloned().unwrap_or_default()))
        .collect()
}

fn kind(definition: &Value) -> String {
    definition
        .get("TYPE")
        .and_then(Value::as_str)
        .unwrap_or("string")
        .to_ascii_lowercase()
}

/// `CBPHelper::getBool`: only empty, `"false"`, `0` and `N` are false.
fn is_set(flag: Option<&Value>) -> bool {
    flag.is_some_and(|flag| {
        truthy(flag)
            && !flag
                .as_str()
                .is_some_and(|text| text == "false" || text.eq_ignore_ascii_case("n"))
    })
}

/// A property's value on its way to the app. Conversion happens only for what PHP takes for true; null becomes `""`.
pub(super) fn externalize(definition: &Value, value: Value) -> Value {
    if value.is_null() {
        return json!("");
    }
    if !truthy(&value) {
        return value;
    }
    let kind = kind(definition);
    if is_set(definition.get("MULTIPLE")) {
        return match value {
            Value::Array(items) => items.into_iter().map(|item| externalize_one(&kind, item)).collect(),
            Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, externalize_one(&kind, v))).collect()),
            scalar => json!([externalize_one(&kind, scalar)]),
        };
    }
    externalize_one(&kind, value)
}

fn externalize_one(kind: &str, value: Value) -> Value {
    match (kind, value) {
        ("bool", value) => yes_or_no(value),
        // A text takes the first element of a list, however deep.
        ("string" | "text", Value::Array(items)) => first(&items).unwrap_or_default(),
        (_, value) => value,
    }
}

fn yes_or_no(value: Value) -> Value {
    let yes = match &value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => ["y", "yes", "true", "1"].contains(&text.to_ascii_lowercase().as_str()),
        _ => return value,
    };
    json!(if yes { "Y" } else { "N" })
}

fn first(items: &[Value]) -> Option<Value> {
    items.iter().find_map(|item| match item {
        Value::Array(inner) => first(inner),
        other => Some(other.clone()),
    })
}

/// A returned value, converted by its definition. What PHP takes for false is stored as it is.
pub(super) fn internalize(portal: &Portal, caller: Caller, definition: &Value, value: &Value) -> Value {
    if !truthy(value) {
        return value.clone();
    }
    let kind = kind(definition);
    match value {
        Value::Array(items) if is_set(definition.get("MULTIPLE")) => items
            .iter()
            .map(|item| internalize_one(portal, caller, &kind, item))
            .collect(),
        other => internalize_one(portal, caller, &kind, other),
    }
}

fn internalize_one(portal: &Portal, caller: Caller, kind: &str, value: &Value) -> Value {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
        return value.clone();
    };
    match kind {
        "datetime" => date_time(portal, caller, text).map_or_else(|| value.clone(), Value::String),
        "date" => date_time(portal, caller, text)
            .and_then(|text| text.get(..10).map(|date| json!(date)))
            .unwrap_or_else(|| value.clone()),
        "time" => time(text).map_or(Value::Null, Value::String),
        _ => value.clone(),
    }
}

/// Reads a returned date and time and shows it as ISO in the server's zone. Forms and shifts as measured:
/// unix seconds are exact; a zone counts but the caller's offset is subtracted unless a `[offset]` suffix replaces it;
/// no zone, `Z` and the site's culture mean the server's clock, with the same shift; anything else stays text.
fn date_time(portal: &Portal, caller: Caller, text: &str) -> Option<String> {
    let zone = i64::from(portal.settings.zone_offset);
    let (text, shift) = match text.strip_suffix(']').and_then(|rest| rest.split_once(" [")) {
        Some((value, offset)) => (value, offset.parse().ok()?),
        None => (text, i64::from(caller.zone_offset)),
    };
    let instant = if let Ok(seconds) = text.parse::<i64>() {
        seconds
    } else if let Some((local, offset)) = with_zone(text) {
        seconds_of(local)? - offset - shift
    } else {
        let local = text.strip_suffix('Z').unwrap_or(text);
        let iso = local.contains('T') || (local.len() == 10 && local.as_bytes()[4] == b'-');
        let local = if iso {
            local.parse::<DateTime>().ok()?
        } else {
            culture(&portal.settings.culture, local)?
        };
        seconds_of(local)? - zone - shift
    };
    let server = TimeZone::fixed(Offset::from_seconds(portal.settings.zone_offset).ok()?);
    let shown = Timestamp::from_second(instant).ok()?.to_zoned_datetime(server);
    Some(shown.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

fn seconds_of(local: DateTime) -> Option<i64> {
    Some(local.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_second())
}

fn with_zone(text: &str) -> Option<(DateTime, i64)> {
    let at = text.rfind(['+', '-']).filter(|at| *at > 10 && text.contains('T'))?;
    let local = text[..at].parse::<DateTime>().ok()?;
    let digits = text[at + 1..].replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some((local, if text.as_bytes()[at] == b'-' { -seconds } else { seconds }))
}

fn culture(culture: &str, text: &str) -> Option<DateTime> {
    let date = if culture.starts_with("MM/DD") {
        "%m/%d/%Y"
    } else {
        "%d.%m.%Y"
    };
    let formats = if culture.ends_with("TT") || culture.ends_with('T') {
        [format!("{date} %I:%M:%S %p"), format!("{date} %I:%M %p")]
    } else {
        [format!("{date} %H:%M:%S"), format!("{date} %H:%M")]
    };
    let parsed = formats.iter().find_map(|format| DateTime::strptime(format, text).ok());
    parsed.or_else(|| {
        jiff::civil::Date::strptime(date, text)
            .ok()
            .map(|date| date.at(0, 0, 0, 0))
    })
}

/// `9:5`, `25:00` (→ 01:00) and `10:30:15` are taken.
fn time(text: &str) -> Option<String> {
    let mut parts = text.split(' ').next()?.split(':').map(str::parse::<u32>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(format!("{:02}:{:02}", hour % 24, minute % 60))
}
