//! How long to wait before the next attempt. Back-off crates drive a loop of attempts; ours are planned in the store, over hours
//! and restarts, so that the delay alone is needed.

use std::time::Duration;

/// Exponential back-off with jitter: the n-th delay is drawn from the upper half of `first * 2^n`, capped at `max`.
///
/// The jitter spreads retries that would otherwise come in step; its lower bound keeps them from coming at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
}

/// Bounds that a back-off cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a back-off needs a first delay above zero and a maximum that is no shorter")]
pub struct BackoffError;

impl Backoff {
    /// A back-off from `first` to `max`. Usable in constants: `const B: Backoff = match Backoff::new(..) {…}` or
    /// [`Backoff::seconds`].
    pub const fn new(first: Duration, max: Duration) -> Result<Self, BackoffError> {
        if first.is_zero() || max.as_nanos() < first.as_nanos() {
            return Err(BackoffError);
        }
        Ok(Self { first, max })
    }

    /// A back-off in whole seconds, for constants.
    ///
    /// # Panics
    /// When the bounds are wrong; at compile time in a constant.
    pub const fn seconds(first: u64, max: u64) -> Self {
        match Self::new(Duration::from_secs(first), Duration::from_secs(max)) {
            Ok(backoff) => backoff,
            Err(BackoffError) => panic!("a back-off needs a first delay above zero and a maximum that is no shorter"),
        }
    }

    /// The delay after `failures` failed attempts in a row, counted from 1, with jitter.
    pub fn delay(&self, failures: u32) -> Duration {
        self.delay_at(failures, rand::random_range(0.5..=1.0))
    }

    /// The same without randomness: `part` of the full delay, 0.5 to 1.
    pub fn delay_at(&self, failures: u32, part: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first
            .saturating_mul(1 << doublings)
            .min(self.max)
            .mul_f64(part.clamp(0.5, 1.0))
    }
}

/// Up to a tenth off `period` in either direction, so that replicas do not act in step.
pub fn jittered(period: Duration) -> Duration {
    period.mul_f64(rand::random_range(0.9..=1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Backoff = Backoff::seconds(1, 300);

    #[test]
    fn delays_double_up_to_the_cap() {
        let full: Vec<_> = (0..12)
            .map(|failures| QUICK.delay_at(failures, 1.0).as_secs())
            .collect();
        assert_eq!(full, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(QUICK.delay_at(u32::MAX, 1.0).as_secs(), 300);
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        for failures in 1..200 {
            let (delay, full) = (QUICK.delay(failures), QUICK.delay_at(failures, 1.0));
            assert!(delay <= full && delay >= full / 2, "{delay:?} of {full:?}");
        }
    }

    #[test]
    fn bounds_are_checked() {
        assert_eq!(Backoff::new(Duration::ZERO, Duration::from_secs(1)), Err(BackoffError));
        assert_eq!(
            Backoff::new(Duration::from_secs(2), Duration::from_secs(1)),
            Err(BackoffError)
        );
    }
}
