//! Expressions in a step's properties: `{=Document:NAME}`, `{=A1:outputString}`, `{=Workflow:id}`.

use serde_json::Value;

use super::Workflow;

/// Resolves the expressions of a value, also inside lists and maps. A text that is one expression takes the value as
/// it is; inside a longer text it becomes text.
pub fn resolve(workflow: &Workflow, value: &Value) -> Value {
    match value {
        Value::String(text) => resolve_text(workflow, text),
        Value::Array(items) => Value::Array(items.iter().map(|item| resolve(workflow, item)).collect()),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), resolve(workflow, v))).collect()),
        other => other.clone(),
    }
}

fn resolve_text(workflow: &Workflow, text: &str) -> Value {
    if let Some(inner) = text.strip_prefix("{=").and_then(|rest| rest.strip_suffix('}'))
        && !inner.contains(['{', '}'])
    {
        return look_up(workflow, inner);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{=") {
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('}') else {
            rest = &rest[start..];
            break;
        };
        out.push_str(&to_text(&look_up(workflow, &rest[start + 2..start + end])));
        rest = &rest[start + end + 1..];
    }
    out.push_str(rest);
    Value::String(out)
}

/// `object:field`, with modifiers after `>` left aside.
fn look_up(workflow: &Workflow, expression: &str) -> Value {
    let expression = expression.split('>').next().unwrap_or_default().trim();
    let Some((object, field)) = expression.split_once(':') else {
        return Value::Null;
    };
    match object {
        "Document" => workflow.fields.get(field).cloned().unwrap_or_default(),
        "Workflow" if field.eq_ignore_ascii_case("id") => workflow.id.clone().into(),
        name => {
            let outputs = workflow.step(name).map(|step| &step.outputs);
            outputs
                .and_then(|outputs| outputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(field)))
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        }
    }
}

fn to_text(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "1".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.values().map(to_text).collect::<Vec<_>>().join(", "),
    }
}
