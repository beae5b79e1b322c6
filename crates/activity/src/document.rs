//! Where the designer offers an activity: document type and filter.

use proto::bizproc::v1::{DocumentType, Filter, FilterRule, filter_rule::Rule};
use serde_json::{Map, Value as Json};

/// `DOCUMENT_TYPE`: module, entity, type. The module may be empty.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn document_type(document: &DocumentType) -> Result<Json, String> {
    if document.entity.trim().is_empty() || document.r#type.trim().is_empty() {
        return Err("the document_type needs an entity and a type, e.g. `CCrmDocumentDeal` and `DEAL`".to_owned());
    }
    Ok(vec![&*document.module, &*document.entity, &*document.r#type].into())
}

/// `FILTER`; nothing when it has no rules.
///
/// # Errors
/// What is wrong with it, each rule by itself.
pub(crate) fn filter(filter: &Filter) -> Result<Option<Json>, Vec<String>> {
    let mut faults = Vec::new();
    let mut rules = Map::new();
    for (key, list) in [("INCLUDE", &filter.include), ("EXCLUDE", &filter.exclude)] {
        let list: Vec<_> = list
            .iter()
            .filter_map(|rule| {
                rule_json(rule)
                    .map_err(|fault| faults.push(format!("the filter's {}: {fault}", key.to_lowercase())))
                    .ok()
            })
            .collect();
        if !list.is_empty() {
            rules.insert(key.to_owned(), list.into());
        }
    }
    if faults.is_empty() {
        Ok((!rules.is_empty()).then_some(Json::Object(rules)))
    } else {
        Err(faults)
    }
}

/// A rule: the name of a distribution, or the beginning of a document type, compared part by part.
fn rule_json(rule: &FilterRule) -> Result<Json, String> {
    match &rule.rule {
        Some(Rule::Distribution(name)) if name == "b24" || name == "box" => Ok((&**name).into()),
        Some(Rule::Distribution(name)) => Err(format!(
            "the distribution {name:?} doesn't exist; write `b24` (cloud) or `box`"
        )),
        Some(Rule::Document(document)) => {
            let parts = [&*document.module, &*document.entity, &*document.r#type];
            let given = parts
                .iter()
                .rposition(|part| !part.is_empty())
                .map_or(0, |last| last + 1);
            if given == 0 {
                return Err(
                    "a rule with an empty document matches nothing; name a module, and perhaps an entity and a type"
                        .to_owned(),
                );
            }
            if given == 3 && parts[1].is_empty() {
                return Err(format!("a rule with the type {:?} needs its entity, too", parts[2]));
            }
            Ok(parts[..given].into())
        }
        None => Err("an empty rule matches nothing; name a distribution or a document".to_owned()),
    }
}
