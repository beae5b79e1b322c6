//! `ORDER` of the list.

use std::cmp::Ordering;

use serde_json::Value;

use super::row::{Cell, Field};
use crate::{
    context::Failure,
    php::{
        cast::{is_array, to_text},
        json::elements,
    },
    state::InstanceRow,
};

/// A column, and whether from high to low.
pub(super) type Order = Vec<(Field, bool)>;

/// Names in any case; whatever is not `desc` is ascending. Without a known name: the last changed first.
pub(super) fn read(rules: Option<&Value>) -> Result<Order, Failure> {
    let mut order: Order = Vec::new();
    for (name, direction) in rules.map(elements).unwrap_or_default() {
        if is_array(direction) {
            return Err(Failure::Php("TypeError".into()));
        }
        let Some(field) = Field::by_name(&name.to_uppercase()) else {
            continue;
        };
        let descending = to_text(direction).to_uppercase() == "DESC";
        match order.iter_mut().find(|(own, _)| *own == field) {
            Some(known) => known.1 = descending,
            None => order.push((field, descending)),
        }
    }
    Ok(if order.is_empty() {
        vec![(Field::Modified, true)]
    } else {
        order
    })
}

/// Nulls come first, texts compare without case.
pub(super) fn compare(order: &Order, left: &InstanceRow, right: &InstanceRow) -> Ordering {
    let by = |&(field, descending): &(Field, bool)| {
        let ordering = match (field.of(left), field.of(right)) {
            (Cell::Text(left), Cell::Text(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
            (Cell::Int(left), Cell::Int(right)) => left.cmp(&right),
            (Cell::Time(left), Cell::Time(right)) => left.cmp(&right),
            _ => Ordering::Equal,
        };
        if descending { ordering.reverse() } else { ordering }
    };
    order
        .iter()
        .map(by)
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
