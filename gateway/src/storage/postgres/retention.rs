//! What is old goes.

use store::postgres::{Connection, Error};

use super::lane;
use crate::{job::Millis, storage::RowId};

/// Rows a write: few enough that an accept in the same group doesn't notice.
const ROWS: i64 = 200;

/// In each lane the finished ones before its first young job.
pub(super) const OLD: &str = "SELECT o.id FROM unnest($1::smallint[]) AS l (lane) CROSS JOIN LATERAL ( \
        SELECT j.id FROM gateway.jobs AS j WHERE j.lane = l.lane AND j.changed < $2 AND j.state IN (4, 5) AND j.id < $3 \
        AND j.id < coalesce((SELECT y.id FROM gateway.jobs AS y WHERE y.lane = l.lane AND y.received >= $2 \
            ORDER BY y.id LIMIT 1), $3) \
        ORDER BY j.id LIMIT $4) AS o \
    LIMIT $4";

/// See [`Reads::old`](crate::storage::Reads::old).
pub(super) async fn old(db: &Connection, before: Millis) -> Result<Vec<RowId>, Error> {
    let newest = super::load::newest(db).await?;
    let rows = db.query(OLD, &[&lane::all(), &before.0, &newest, &ROWS]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Jobs with their history.
pub(super) async fn delete(db: &Connection, rows: &[RowId]) -> Result<usize, Error> {
    let sql = "WITH history AS ( \
            DELETE FROM gateway.history AS h USING unnest($1::bigint[]) AS old (id) WHERE h.lane = old.id & 255 AND h.job = old.id) \
        DELETE FROM gateway.jobs AS j USING unnest($1::bigint[]) AS old (id) WHERE j.lane = old.id & 255 AND j.id = old.id";
    db.execute(sql, &[&rows]).await
}
