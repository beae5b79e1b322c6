//! `FILTER` of the list.
//!
//! Only the operators none, `!`, `<`, `<=`, `>`, `>=` on names in exact upper case are conditions. Anything else (`@ID`, `=ID`, `id`, `LOGIC`)
//! is dropped without a word, and the list is longer than the caller thinks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    date::Zone,
    row::{Cell, Field},
};
use crate::{
    context::Failure,
    php::{
        cast::{is_array, to_int, to_text},
        json::{element, elements},
    },
    state::InstanceRow,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    One(Cell),
    /// Any of these; with an order operator the element 0 counts alone, and its lack matches nothing.
    Many(Vec<Cell>),
    Nothing,
}

/// One condition; all of them must hold.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    field: Field,
    operator: Operator,
    operand: Operand,
}

/// The conditions that the server keeps. An empty list of dates is an SQL error there.
pub(super) fn read(rules: Option<&Value>, zone: &Zone) -> Result<Vec<Condition>, Failure> {
    let mut conditions = Vec::new();
    for (key, value) in rules.map(elements).unwrap_or_default() {
        let name = key.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        let Some(operator) = operator(&key[..key.len() - name.len()]) else {
            continue;
        };
        let Some(field) = Field::by_name(name.split('\n').next().unwrap_or(name)) else {
            continue;
        };
        let operand = operand(field, operator, value, zone)?;
        conditions.push(Condition {
            field,
            operator,
            operand,
        });
    }
    Ok(conditions)
}

fn operator(text: &str) -> Option<Operator> {
    Some(match text {
        "" => Operator::Is,
        "!" => Operator::IsNot,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    })
}

fn operand(field: Field, operator: Operator, value: &Value, zone: &Zone) -> Result<Operand, Failure> {
    let cell = |value: &Value| match field {
        Field::Modified | Field::OwnedUntil | Field::Started => Cell::Time(zone.read(value)),
        Field::StartedBy | Field::TemplateId => Cell::Int(to_int(value)),
        Field::Id | Field::ModuleId | Field::Entity | Field::DocumentId => Cell::Text(to_text(value).into_owned()),
    };
    if !is_array(value) {
        return Ok(Operand::One(cell(value)));
    }
    if !matches!(operator, Operator::Is | Operator::IsNot) {
        return Ok(element(value, "0").map_or(Operand::Nothing, |first| Operand::One(cell(first))));
    }
    let cells: Vec<Cell> = elements(value).into_iter().map(|(_, item)| cell(item)).collect();
    match field {
        Field::Modified | Field::OwnedUntil | Field::Started if cells.is_empty() => {
            Err(Failure::new(500, "ERROR_CORE", "SQL query error!"))
        }
        // An empty list of texts is compared with one empty text.
        Field::Id | Field::ModuleId | Field::Entity | Field::DocumentId if cells.is_empty() => {
            Ok(Operand::Many(vec![Cell::Text(String::new())]))
        }
        _ => Ok(Operand::Many(cells)),
    }
}

impl Condition {
    /// The ids of which it wants one, if it names them without a pattern.
    pub(super) fn ids(&self) -> Option<BTreeSet<String>> {
        let cells = match &self.operand {
            _ if self.field != Field::Id || self.operator != Operator::Is => return None,
            Operand::One(cell) => std::slice::from_ref(cell),
            Operand::Many(cells) => cells,
            Operand::Nothing => return None,
        };
        let id = |cell: &Cell| match cell {
            Cell::Text(text) if !text.contains(['%', '_', '\\']) => Some(text.to_ascii_lowercase()),
            _ => None,
        };
        cells.iter().map(id).collect()
    }

    pub(super) fn holds(&self, row: &InstanceRow) -> bool {
        let own = self.field.of(row);
        match (&self.operand, self.operator) {
            (Operand::Nothing, _) => false,
            (Operand::Many(cells), Operator::Is) => cells.iter().any(|cell| listed(&own, cell) == Some(true)),
            (Operand::Many(cells), _) => cells.iter().all(|cell| listed(&own, cell) == Some(false)),
            (Operand::One(cell), Operator::Is) => equals(&own, cell),
            (Operand::One(cell), Operator::IsNot) => differs(&own, cell),
            (Operand::One(cell), operator) => ordered(&own, cell).is_some_and(|ordering| match operator {
                Operator::Less => ordering.is_lt(),
                Operator::LessOrEqual => ordering.is_le(),
                Operator::Greater => ordering.is_gt(),
                _ => ordering.is_ge(),
            }),
        }
    }
}

/// Equality with an element of a list; `None` where SQL has no answer.
fn listed(own: &Cell, cell: &Cell) -> Option<bool> {
    match (own, cell) {
        (Cell::Text(own), Cell::Text(pattern)) => Some(like(own, pattern)),
        (Cell::Int(own), Cell::Int(other)) => Some(own == other),
        (Cell::Time(own), Cell::Time(other)) => own.zip(*other).map(|(own, other)| own == other),
        _ => None,
    }
}

/// A text without other characters than digits is compared as it is, any other text with LIKE.
fn equals(own: &Cell, cell: &Cell) -> bool {
    match (own, cell) {
        (Cell::Text(own), Cell::Text(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            own.trim_end_matches(' ') == digits
        }
        (Cell::Time(own), Cell::Time(None)) => own.is_none(),
        _ => listed(own, cell) == Some(true),
    }
}

/// An empty text and an unreadable date mean: anything.
fn differs(own: &Cell, cell: &Cell) -> bool {
    match (own, cell) {
        (Cell::Text(own), Cell::Text(other)) if other.is_empty() => !own.is_empty(),
        (Cell::Time(own), Cell::Time(None)) => own.is_some(),
        _ => listed(own, cell) == Some(false),
    }
}

fn ordered(own: &Cell, cell: &Cell) -> Option<std::cmp::Ordering> {
    match (own, cell) {
        (Cell::Text(own), Cell::Text(other)) => Some(own.to_lowercase().cmp(&other.to_lowercase())),
        (Cell::Int(own), Cell::Int(other)) => Some(own.cmp(other)),
        (Cell::Time(own), Cell::Time(other)) => own.zip(*other).map(|(own, other)| own.cmp(&other)),
        _ => None,
    }
}

/// SQL's LIKE without case: `%` any text, `_` one character, `\` takes their meaning away.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_uppercase().chars().collect();
    let pattern: Vec<char> = pattern.to_uppercase().chars().collect();
    matches(&text, &pattern)
}

fn matches(text: &[char], pattern: &[char]) -> bool {
    // After a `%`: where its pattern goes on, and how much of the text it has taken.
    let (mut at, mut of, mut retry) = (0, 0, None);
    loop {
        let literal = match pattern.get(of) {
            Some('%') => {
                retry = Some((of + 1, at));
                of += 1;
                continue;
            }
            Some('\\') if of + 1 < pattern.len() => Some((pattern[of + 1], of + 2)),
            Some(other) => Some((*other, of + 1)),
            None => None,
        };
        let any = pattern.get(of) == Some(&'_');
        match (text.get(at), literal) {
            (None, None) => return true,
            (Some(c), Some((other, next))) if any || *c == other => {
                at += 1;
                of = next;
            }
            _ => match retry {
                Some((after, taken)) if taken < text.len() => {
                    retry = Some((after, taken + 1));
                    (at, of) = (taken + 1, after);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_knows_wildcards_and_escapes() {
        for (text, pattern) in [
            ("abc", "A%"),
            ("abc", "_b_"),
            ("abc", "%%c"),
            ("a%c", r"a\%c"),
            ("", ""),
            ("", "%"),
            ("aab", "%ab"),
            ("aBc.1", "AbC.1"),
            ("Ёж", "ёЖ"),
        ] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "ab"), ("abc", r"a\%"), ("abc", "_"), ("", "_"), ("abc", "%d")] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
    }
}
