//! `bizproc.workflow.instances`, also named `bizproc.workflow.instance.list`: rows of the living workflows of the whole portal.

mod condition;
mod date;
mod order;
mod row;

use serde_json::{Map, Value};

use self::{condition::Condition, row::Field};
use crate::{
    context::{Context, Failure, Outcome, Params, Reply},
    php::{
        cast::{is_scalar, to_text},
        json::elements,
        text::upper_keys,
    },
    state::{InstanceRow, Portal},
};

/// Rows of one page.
const PAGE: usize = 50;

/// Calls the method by either name; `None` = another one.
pub(super) fn call(portal: &Portal, context: &Context, method: &str, params: &Params, start: i64) -> Option<Outcome> {
    matches!(method, "bizproc.workflow.instances" | "bizproc.workflow.instance.list")
        .then(|| list(portal, context, params, start))
}

/// Any administrator, no application needed. A negative `start` gives the first page, uncounted.
fn list(portal: &Portal, context: &Context, params: &Params, start: i64) -> Outcome {
    if !context.admin {
        return Err(Failure::access_denied());
    }
    let params = upper_keys(params);
    let columns = select(params.get("SELECT"))?;
    let conditions = condition::read(params.get("FILTER"), &date::Zone::new(portal, context))?;
    let order = order::read(params.get("ORDER"))?;
    // Named ones are looked up: a sender reads fifty of a hundred thousand.
    let mut rows: Vec<&InstanceRow> = match conditions.iter().find_map(Condition::ids) {
        Some(ids) => ids.iter().filter_map(|id| portal.instances.get(id)).collect(),
        None => portal.instances.values().collect(),
    };
    rows.retain(|row| conditions.iter().all(|condition| condition.holds(row)));
    rows.sort_by(|left, right| order::compare(&order, left, right));
    let total = if start < 0 { 0 } else { rows.len() };
    let offset = usize::try_from(start).unwrap_or(0);
    let page: Vec<Value> = rows
        .into_iter()
        .skip(offset)
        .take(PAGE)
        .map(|row| {
            let cells = columns
                .iter()
                .map(|field| (field.name().to_owned(), field.output(row, portal.settings.zone_offset)));
            Value::Object(cells.collect::<Map<_, _>>())
        })
        .collect();
    let end = start.saturating_add(int(page.len()));
    let total = int(total);
    Ok(Reply {
        result: page.into(),
        total: Some(total),
        next: (end < total).then_some(end),
    })
}

/// `SELECT`: names in any case, in this order; unknown ones do not count.
fn select(rules: Option<&Value>) -> Result<Vec<Field>, Failure> {
    let mut fields = Vec::new();
    for (_, name) in rules.map(elements).unwrap_or_default() {
        if !is_scalar(name) {
            return Err(Failure::bad(
                "ERROR_SELECT_VALIDATION_FAILURE",
                "Invalid data in SELECT parameter",
            ));
        }
        match Field::by_name(&to_text(name).to_uppercase()) {
            Some(field) if !fields.contains(&field) => fields.push(field),
            _ => {}
        }
    }
    Ok(if fields.is_empty() {
        vec![Field::Id, Field::Modified, Field::OwnedUntil]
    } else {
        fields
    })
}

fn int(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
