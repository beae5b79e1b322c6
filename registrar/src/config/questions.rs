use serde::Deserialize;
use service::ConfigError;

/// How much OAuth servers are asked who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Questions {
    /// `REGISTRAR__QUESTIONS__PER_MINUTE`: in all. Default: 1200.
    pub per_minute: u32,
    /// `REGISTRAR__QUESTIONS__PER_SOURCE_PER_MINUTE`: those that proved nothing, because of one address. Default: 60.
    pub per_source_per_minute: u32,
}

impl Questions {
    pub(super) fn check(self) -> Result<(), ConfigError> {
        for (key, value) in [
            ("per_minute", self.per_minute),
            ("per_source_per_minute", self.per_source_per_minute),
        ] {
            // Strangers have half, and a question about a token goes to each of several servers.
            if value < 10 {
                return Err(ConfigError::invalid(
                    format!("registrar.questions.{key}"),
                    "is less than 10: hardly anybody could prove who he is",
                ));
            }
        }
        Ok(())
    }
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            per_minute: 1200,
            per_source_per_minute: 60,
        }
    }
}
