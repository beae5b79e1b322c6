//! The emulator's own time: starts at the real one and can be moved forward.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A shared clock; copies move together, however far one of them is apart.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Microseconds, as the others.
    ahead: Arc<AtomicI64>,
    frozen: Arc<AtomicI64>,
    apart: i64,
}

impl Clock {
    /// A clock that stands still, for tests of pure behaviour. `advance` still moves it.
    pub fn frozen(unix_seconds: i64) -> Self {
        let clock = Self::default();
        clock.frozen.store(unix_seconds * 1_000_000, Ordering::Relaxed);
        clock
    }

    /// Unix time in microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the emulator's clock: the one place that reads the real one"
    )]
    pub fn micros(&self) -> i64 {
        let frozen = self.frozen.load(Ordering::Relaxed);
        let base = if frozen == 0 {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
        } else {
            frozen
        };
        base + self.ahead.load(Ordering::Relaxed) + self.apart
    }

    /// Puts this copy apart from the others, as the clock of one machine is.
    pub fn set_apart(&mut self, milliseconds: i64) {
        self.apart = milliseconds.saturating_mul(1000);
    }

    /// How far it is apart, microseconds.
    pub fn apart_micros(&self) -> i64 {
        self.apart
    }

    /// Unix time in whole seconds, as the server's tables keep it.
    pub fn seconds(&self) -> i64 {
        self.micros().div_euclid(1_000_000)
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.ahead
            .fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
