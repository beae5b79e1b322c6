//! Lanes: what belongs to one app on one portal is in one of 256.

use sha2::{Digest, Sha256};

use crate::{job::Job, storage::RowId};

pub(super) const LANES: i16 = 256;

/// All of them.
pub(super) fn all() -> Vec<i16> {
    (0..LANES).collect()
}

pub(super) fn of_job(job: &Job) -> i16 {
    of(&job.app, &job.member_id)
}

/// Never changes: it is in the rows.
pub(super) fn of(app: &str, member_id: &str) -> i16 {
    let mut sha = Sha256::new();
    sha.update(app);
    sha.update([0]);
    sha.update(member_id);
    i16::from(sha.finalize()[0])
}

/// The lane of a row.
pub(super) fn of_row(row: RowId) -> i16 {
    i16::from(row.to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_for_ever() {
        assert_eq!([of("demo", "m"), of("demo", "n"), of("dem", "om")], [27, 224, 34]);
        assert_eq!([of_row(7 * 256 + 255), of_row(8 * 256)], [255, 0]);
    }
}
