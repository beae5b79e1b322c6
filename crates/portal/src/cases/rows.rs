//! Rows of living workflows that a case begins with.

use jiff::{civil, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;

use crate::state::InstanceRow;

/// 2026-11-24T10:00:00Z.
const FIRST_CHANGE: i64 = 1_795_514_400;

/// Columns as the database has them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Row {
    id: String,
    module_id: String,
    entity: String,
    document_id: String,
    workflow_template_id: i64,
    started: String,
    started_by: i64,
    status: i64,
    modified: String,
    owner_id: Option<String>,
    owned_until: Option<String>,
}

/// A row of the case; its times are the server's, which is at UTC.
pub(super) fn given(row: &Value) -> Result<InstanceRow, String> {
    let row: Row = serde_json::from_value(row.clone()).map_err(|error| format!("setup: {error}"))?;
    Ok(InstanceRow {
        id: row.id,
        module_id: row.module_id,
        entity: row.entity,
        document_id: row.document_id,
        template_id: row.workflow_template_id,
        started: time(&row.started)?,
        started_by: row.started_by,
        status: row.status,
        modified: time(&row.modified)?,
        owner_id: row.owner_id,
        owned_until: row.owned_until.as_deref().map(time).transpose()?,
    })
}

/// The rows `wf00.1`, `wf01.1`, …, each changed a second after the one before.
pub(super) fn numbered(index: i64) -> InstanceRow {
    InstanceRow {
        id: format!("wf{index:02}.1"),
        module_id: "crm".to_owned(),
        entity: "CCrmDocumentDeal".to_owned(),
        document_id: "DEAL_1".to_owned(),
        template_id: 1,
        started: FIRST_CHANGE,
        started_by: 1,
        status: 3,
        modified: FIRST_CHANGE + index,
        owner_id: None,
        owned_until: None,
    }
}

fn time(text: &str) -> Result<i64, String> {
    let time: civil::DateTime = text.parse().map_err(|error| format!("setup: {text}: {error}"))?;
    TimeZone::UTC
        .to_timestamp(time)
        .map(jiff::Timestamp::as_second)
        .map_err(|error| format!("setup: {text}: {error}"))
}
