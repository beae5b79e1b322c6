//! Columns of an instance row, by the names that REST gives them.

use serde_json::Value;

use crate::{state::InstanceRow, time_block::iso};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Modified,
    OwnedUntil,
    ModuleId,
    Entity,
    DocumentId,
    Started,
    StartedBy,
    TemplateId,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Int(i64),
    /// Unix seconds; `None` = SQL null.
    Time(Option<i64>),
}

const FIELDS: [(Field, &str); 9] = [
    (Field::Id, "ID"),
    (Field::Modified, "MODIFIED"),
    (Field::OwnedUntil, "OWNED_UNTIL"),
    (Field::ModuleId, "MODULE_ID"),
    (Field::Entity, "ENTITY"),
    (Field::DocumentId, "DOCUMENT_ID"),
    (Field::Started, "STARTED"),
    (Field::StartedBy, "STARTED_BY"),
    (Field::TemplateId, "TEMPLATE_ID"),
];

impl Field {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(_, own)| *own == name).map(|(field, _)| *field)
    }

    pub(super) fn name(self) -> &'static str {
        FIELDS
            .iter()
            .find(|(field, _)| *field == self)
            .map_or("", |(_, name)| name)
    }

    pub(super) fn of(self, row: &InstanceRow) -> Cell {
        match self {
            Self::Id => Cell::Text(row.id.clone()),
            Self::ModuleId => Cell::Text(row.module_id.clone()),
            Self::Entity => Cell::Text(row.entity.clone()),
            Self::DocumentId => Cell::Text(row.document_id.clone()),
            Self::StartedBy => Cell::Int(row.started_by),
            Self::TemplateId => Cell::Int(row.template_id),
            Self::Modified => Cell::Time(Some(row.modified)),
            Self::Started => Cell::Time(Some(row.started)),
            Self::OwnedUntil => Cell::Time(row.owned_until),
        }
    }

    /// As REST shows it: numbers are texts, times have the server's offset.
    pub(super) fn output(self, row: &InstanceRow, zone_offset: i32) -> Value {
        match self.of(row) {
            Cell::Text(text) => text.into(),
            Cell::Int(int) => int.to_string().into(),
            Cell::Time(time) => time.map(|seconds| iso(seconds, zone_offset)).into(),
        }
    }
}
