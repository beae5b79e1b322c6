//! A job's key: unique, and in the order of time.

use bitrix::post::EventToken;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Bytes of the workflow id's time.
const WORKFLOW_TIME_LEN: usize = 7;
const LEN: usize = WORKFLOW_TIME_LEN + 32;
const ID_LEN: usize = 16;

/// Identity of a callback: the workflow's time, then a digest of app, portal and event.
///
/// It begins with time because rows then go to the end of the index: a random key cost 11 µs a job, and 25 at a million
/// rows. A workflow id is PHP's `uniqid`: 14 hex digits that count up, a dot, digits. One that isn't sorts first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key([u8; LEN]);

impl Key {
    pub(crate) fn new(workflow_id: &str, app: &str, member_id: &str, token: &EventToken) -> Self {
        let mut key = [0; LEN];
        let (time, digest) = key.split_at_mut(WORKFLOW_TIME_LEN);
        time.copy_from_slice(&workflow_time(workflow_id));
        let mut sha = Sha256::new();
        for part in [app, member_id] {
            // With lengths, so that different pairs never make the same text.
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        sha.update(token.dedup_digest());
        digest.copy_from_slice(&sha.finalize());
        Self(key)
    }

    /// Its first 16 bytes as 32 lower hex digits.
    pub(crate) fn id(&self) -> String {
        HEXLOWER.encode(&self.0[..ID_LEN])
    }

    /// The bytes with which the key of the job with this id begins.
    pub(crate) fn prefix_of_id(id: &str) -> Option<[u8; ID_LEN]> {
        let lower = id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        (id.len() == 2 * ID_LEN && lower)
            .then(|| u128::from_str_radix(id, 16).ok().map(u128::to_be_bytes))
            .flatten()
    }

    /// The bytes with which the keys of a workflow's jobs begin.
    pub(crate) fn prefix_of_workflow(workflow_id: &str) -> [u8; WORKFLOW_TIME_LEN] {
        workflow_time(workflow_id)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id())
    }
}

fn workflow_time(workflow_id: &str) -> [u8; WORKFLOW_TIME_LEN] {
    let digits = workflow_id.as_bytes().get(..2 * WORKFLOW_TIME_LEN).unwrap_or_default();
    let mut time = 0_u64;
    for digit in digits {
        let Some(value) = char::from(*digit).to_digit(16) else {
            return [0; WORKFLOW_TIME_LEN];
        };
        time = time << 4 | u64::from(value);
    }
    let [_, time @ ..] = time.to_be_bytes();
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(workflow_id: &str, app: &str, member_id: &str, token: &str) -> Key {
        Key::new(workflow_id, app, member_id, &EventToken::new(token))
    }

    const WORKFLOW: &str = "65808f8311b626.28237158";
    const TOKEN: &str = "65808f8311b626.28237158|A1|x9.00ff";

    #[test]
    fn it_begins_with_the_workflows_time() {
        assert_eq!(&key(WORKFLOW, "demo", "m", TOKEN).id()[..14], "65808f8311b626");
        assert!(key("65808f8311b626.1", "z", "z", "b") < key("65808f8311b627.1", "a", "a", "a"));
        for odd in ["", "65808f", "not-a-time-at-all", "кириллица-кириллица"] {
            assert_eq!(&key(odd, "demo", "m", TOKEN).id()[..14], "00000000000000", "{odd}");
        }
    }

    #[test]
    fn spellings_of_one_event_are_one_job() {
        let one = key(WORKFLOW, "demo", "m", TOKEN);
        assert_eq!(one, key(WORKFLOW, "demo", "m", "65808f8311b626.28237158|A1|x9.00FF"));
        assert_ne!(one, key(WORKFLOW, "demo", "m", "65808f8311b626.28237158|A1|x8.00ff"));
        assert_ne!(one, key(WORKFLOW, "demo", "n", TOKEN));
        assert_ne!(one, key(WORKFLOW, "other", "m", TOKEN));
        assert_ne!(key(WORKFLOW, "ab", "c", TOKEN), key(WORKFLOW, "a", "bc", TOKEN));
    }

    #[test]
    fn an_id_finds_its_key() {
        let key = key(WORKFLOW, "demo", "m", TOKEN);
        assert_eq!(Key::prefix_of_id(&key.id()).unwrap(), key.as_bytes()[..16]);
        for wrong in ["", "x", &key.id().to_uppercase(), &format!("{}0", key.id())] {
            assert_eq!(Key::prefix_of_id(wrong), None, "{wrong}");
        }
        assert_eq!(Key::from_bytes(key.as_bytes()), Some(key));
    }
}
