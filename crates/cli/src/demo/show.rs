//! The demo's story as a person reads it.

use std::io;

use serde_json::Value;

use super::scene::Story;
use crate::{jobs, output::line};

/// Prints it.
pub(super) fn print(story: &Story) -> io::Result<()> {
    title("An administrator installs the app. The registrar registers its activities; the portal stored this one:")?;
    let definition = &story.definition;
    for (key, name) in [
        ("CODE", "code"),
        ("NAME", "name"),
        ("DESCRIPTION", "description"),
        ("HANDLER", "handler"),
    ] {
        row(name, &in_english(&definition[key]))?;
    }
    row("waits", &in_english(&definition["USE_SUBSCRIPTION"]))?;
    properties("property", &definition["PROPERTIES"])?;
    properties("returns", &definition["RETURN_PROPERTIES"])?;

    title("A workflow on a deal reaches the activity and waits. The portal posts to the handler:")?;
    let callback = &story.callback;
    for key in [
        "workflow_id",
        "document_id",
        "properties",
        "use_subscription",
        "timeout_duration",
        "event_token",
    ] {
        row(key, &in_english(&callback[key]))?;
    }
    row(
        "auth",
        &format!(
            "user {} of {}, tokens [secret]",
            callback["auth"]["user_id"],
            in_english(&callback["auth"]["domain"])
        ),
    )?;

    title("The gateway stores it, answers 200, calls hasher.v1.Hasher/Md5 and answers by bizproc.event.send:")?;
    for (key, value) in story.answer.as_object().into_iter().flatten() {
        row(&key.to_lowercase(), &in_english(value))?;
    }

    title("The workflow goes on. Its log:")?;
    for entry in story.workflow["log"].as_array().into_iter().flatten() {
        line(&format!("  {}", log_entry(entry)))?;
    }
    line("")?;
    row("workflow", &in_english(&story.workflow["state"]))?;
    row("job", &format!("{} ({})", story.job.id, jobs::state(&story.job)))?;
    row("trace id", &story.job.trace_id)?;
    line("")?;
    for (key, value) in story.values().as_object().into_iter().flatten() {
        line(&format!("{key} = {}", in_english(value)))?;
    }
    Ok(())
}

fn title(text: &str) -> io::Result<()> {
    line(&format!("\n{text}\n"))
}

fn row(name: &str, text: &str) -> io::Result<()> {
    line(&format!("  {name:<17} {text}"))
}

fn properties(name: &str, properties: &Value) -> io::Result<()> {
    for (key, definition) in properties.as_object().into_iter().flatten() {
        let mut text = format!(
            "{key}: {}, {}",
            in_english(&definition["TYPE"]),
            in_english(&definition["NAME"])
        );
        if !definition["DEFAULT"].is_null() {
            text = format!("{text}, default {}", in_english(&definition["DEFAULT"]));
        }
        row(name, &text)?;
    }
    Ok(())
}

/// A text as it is, of a map by language the English one, anything else as JSON.
fn in_english(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => match map.get("EN").or_else(|| map.get("en")) {
            Some(Value::String(text)) => text.clone(),
            _ => value.to_string(),
        },
        _ => value.to_string(),
    }
}

/// `12:34:56 A1 closed`, with the text where there is one.
fn log_entry(entry: &Value) -> String {
    let time = entry["time"]
        .as_i64()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let time = time
        .map(|time| time.strftime("%H:%M:%S").to_string())
        .unwrap_or_default();
    let what = match (
        entry["kind"].as_str().unwrap_or_default(),
        entry["text"].as_str().unwrap_or_default(),
    ) {
        ("execute", "") => "starts",
        ("close", "") => "is complete",
        (kind, "") => kind,
        (_, text) => text,
    };
    format!("{time}  {:<4}{what}", in_english(&entry["activity"]))
}
