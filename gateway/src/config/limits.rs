use std::time::Duration;

use serde::Deserialize;
use service::ConfigError;

use crate::portal::Rates;

/// Bounds of what strangers can make us do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// `GATEWAY__LIMITS__BODY_BYTES`: bytes of a body. Default: 8 MiB.
    pub body_bytes: usize,
    /// `GATEWAY__LIMITS__FORM_PAIRS`: fields of a form. Default: 10,000.
    pub form_pairs: usize,
    /// `GATEWAY__LIMITS__FORM_DEPTH`: how deep they nest. Default: 64.
    pub form_depth: usize,
    /// `GATEWAY__LIMITS__BUFFERED_BYTES`: bytes of all bodies in memory. Default: 256 MiB.
    pub buffered_bytes: usize,
    /// `GATEWAY__LIMITS__JOBS_IN_MEMORY`: jobs kept in memory. Default: 20,000.
    pub jobs_in_memory: usize,
    /// `GATEWAY__LIMITS__JOB_BYTES_IN_MEMORY`: bytes of their properties. Default: 256 MiB.
    pub job_bytes_in_memory: usize,
    /// `GATEWAY__LIMITS__CALLS`: calls to one executor at once. Default: 512. An HTTP/2 connection breaks when some
    /// thousands of small replies are unread.
    pub calls: usize,
    /// `GATEWAY__LIMITS__SENDS`: requests on their way to one portal at once; what waits meanwhile goes together. A slow portal
    /// gets fewer. Default: 4.
    pub sends: usize,
    /// `GATEWAY__LIMITS__PORTAL_BURST`: calls that a portal takes at once, of which a fifth is left to the registrar. Bitrix24's
    /// limit is 50, on the plan Enterprise 250. Default: 50.
    pub portal_burst: u32,
    /// `GATEWAY__LIMITS__PORTAL_PER_SECOND`: calls a second that it takes for long; 0: as many as come, for a portal of one's own
    /// without that limit. Bitrix24's is 2, on the plan Enterprise 5. Default: 2.
    pub portal_per_second: u32,
    /// `GATEWAY__LIMITS__ATTEMPT_TIMEOUT`: time of one attempt without an annotation of its own. Default: 30 s.
    #[serde(with = "service::config::duration")]
    pub attempt_timeout: Duration,
    /// `GATEWAY__LIMITS__RESPONSE_BYTES`: bytes of an executor's response. Default: 4 MiB.
    pub response_bytes: usize,
    /// `GATEWAY__LIMITS__QUARANTINED`: callbacks and events that are not proved. Default: 10,000.
    pub quarantined: usize,
    /// `GATEWAY__LIMITS__QUARANTINED_BYTES`: their bytes. Default: 256 MiB.
    pub quarantined_bytes: usize,
    /// `GATEWAY__LIMITS__QUARANTINED_PER_SOURCE`: of those, from one address. Default: 2,000.
    pub quarantined_per_source: usize,
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("body_bytes", self.body_bytes),
            ("form_pairs", self.form_pairs),
            ("form_depth", self.form_depth),
            ("buffered_bytes", self.buffered_bytes),
            ("jobs_in_memory", self.jobs_in_memory),
            ("job_bytes_in_memory", self.job_bytes_in_memory),
            ("calls", self.calls),
            ("sends", self.sends),
            ("portal_burst", self.portal_burst as usize),
            ("response_bytes", self.response_bytes),
            ("quarantined", self.quarantined),
            ("quarantined_bytes", self.quarantined_bytes),
            ("quarantined_per_source", self.quarantined_per_source),
        ] {
            if value == 0 {
                return Err(ConfigError::invalid(
                    format!("gateway.limits.{key}"),
                    "is 0: nothing could be done",
                ));
            }
        }
        if self.attempt_timeout.is_zero() {
            return Err(ConfigError::invalid(
                "gateway.limits.attempt_timeout",
                "is 0: no call could succeed",
            ));
        }
        Ok(())
    }

    /// What a portal bears.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            burst: self.portal_burst.into(),
            per_second: self.portal_per_second.into(),
            at_once: self.sends,
        }
    }

    /// The form decoder's part.
    pub fn form(&self) -> bitrix::form::Limits {
        bitrix::form::Limits {
            pairs: self.form_pairs,
            depth: self.form_depth,
            bytes: self.body_bytes,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 << 20,
            form_pairs: 10_000,
            form_depth: 64,
            buffered_bytes: 256 << 20,
            jobs_in_memory: 20_000,
            job_bytes_in_memory: 256 << 20,
            calls: 512,
            sends: 4,
            portal_burst: 50,
            portal_per_second: 2,
            attempt_timeout: Duration::from_secs(30),
            response_bytes: 4 << 20,
            quarantined: 10_000,
            quarantined_bytes: 256 << 20,
            quarantined_per_source: 2_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    #[test]
    fn the_file_of_defaults_names_each_limit() {
        let unknown = MapDeserializer::<_, Error>::new([("none", 1)].into_iter());
        let problem = Limits::deserialize(unknown).unwrap_err().to_string();
        let (_, expected) = problem.split_once("expected one of ").unwrap();
        let file = include_str!("../../gateway.toml");
        let (_, section) = file.split_once("[gateway.limits]\n").unwrap();
        let section = section.lines().take_while(|line| !line.starts_with('['));
        let named: Vec<_> = section
            .filter_map(|line| line.split_once(" = "))
            .filter(|(name, _)| !name.starts_with('#'))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        assert_eq!(named.join(", "), expected);
    }
}
