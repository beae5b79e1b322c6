//! Expressions in a step's properties: `{=Document:NAME}`, `{=A1:outputString}`, `{=Workflow:id}`.

use serde_json::Value;

use crate::state::workflow::Workflow;

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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;
    use crate::state::workflow::State;

    fn workflow() -> Workflow {
        let fields = json!({"NAME": "Deal {=Document:NAME}", "PHONES": ["1", "2"], "SUM": 5});
        Workflow {
            id: "w.1".into(),
            document_id: Default::default(),
            document_type: Default::default(),
            fields: fields.as_object().cloned().unwrap_or_default(),
            nodes: Vec::new(),
            by_name: indexmap::IndexMap::new(),
            log: Vec::new(),
            state: State::Running,
            started_by: 1,
            saves: 0,
            document_deleted: false,
            state_missing: false,
        }
    }

    /// A piece of a text and what it becomes; values are not looked through again.
    fn piece() -> impl Strategy<Value = (String, String)> {
        prop_oneof![
            "[^{}]{0,6}".prop_map(|text| (text.clone(), text)),
            Just(("{=Document:NAME}".into(), "Deal {=Document:NAME}".into())),
            Just(("{=Document:PHONES > printable}".into(), "1, 2".into())),
            Just(("{=Document:SUM}".into(), "5".into())),
            Just(("{=Document:NONE}".into(), String::new())),
            Just(("{=nonsense}".into(), String::new())),
            Just(("{ =Workflow:id}".into(), "{ =Workflow:id}".into())),
            Just(("{=Workflow:ID}".into(), "w.1".into())),
        ]
    }

    proptest! {
        #[test]
        fn texts_are_put_together(pieces in vec(piece(), 0..8)) {
            let (text, expected): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
            let text = format!("-{}", text.concat());
            prop_assert_eq!(resolve(&workflow(), &json!(text)), json!(format!("-{}", expected.concat())));
        }

        #[test]
        fn any_text_resolves(text in "(\\{=|\\}|:|>|Document|NAME|[a-zé ]){0,30}") {
            let resolved = resolve(&workflow(), &json!([text]));
            prop_assert_eq!(resolved.as_array().map(Vec::len), Some(1));
        }
    }

    #[test]
    fn a_lone_expression_keeps_its_type() {
        let resolved = resolve(
            &workflow(),
            &json!(["{=Document:PHONES}", "{=Document:SUM}", "{=Document:NONE}"]),
        );
        assert_eq!(resolved, json!([["1", "2"], 5, null]));
    }
}
