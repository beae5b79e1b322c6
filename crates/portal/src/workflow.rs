//! Workflows: steps in sequence and in parallel branches, the answers to them, their lock and their log.

pub mod answer;
pub mod expression;
pub mod others;
pub mod run;
pub mod seed;
pub mod template;
pub mod timeout;
pub mod token;
mod value;

use crate::{clock::Clock, random};
pub use answer::{activity_log, event_send, job_order, resume, run_jobs, take_lock};
pub use run::{Start, start, terminate};

/// PHP's `uniqid('', true)`: 13 hex digits of the time, then a random number below 10 with 8 decimals.
pub fn unique_id(clock: &Clock) -> String {
    let now = clock.micros();
    let (seconds, micros) = (now.div_euclid(1_000_000), now.rem_euclid(1_000_000));
    let random = random::below(1_000_000_000);
    format!(
        "{seconds:08x}{micros:05x}{}.{:08}",
        random / 100_000_000,
        random % 100_000_000
    )
}
