//! The cloud's leaky bucket: 50 calls at once, 2 a second, for each source address of a portal.

use std::{collections::HashMap, net::IpAddr};

/// Calls that fit in at once.
const BURST: f64 = 50.0;
/// Calls that leak out in a second.
const PER_SECOND: f64 = 2.0;

/// Buckets by source address.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: HashMap<IpAddr, (f64, i64)>,
}

impl Limiter {
    /// Whether a call at `now` (unix microseconds) still fits; it is counted if so.
    pub fn admit(&mut self, source: IpAddr, now: i64) -> bool {
        let (level, last) = self.buckets.entry(source).or_insert((0.0, now));
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds between two calls are far below 2^52"
        )]
        let passed = (now - *last).max(0) as f64 / 1e6;
        *level = (*level - passed * PER_SECOND).max(0.0);
        *last = now;
        if *level + 1.0 > BURST {
            return false;
        }
        *level += 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_at_once_then_two_a_second() {
        let (mut limiter, source) = (Limiter::default(), IpAddr::from([127, 0, 0, 1]));
        assert!((0..50).all(|_| limiter.admit(source, 0)));
        assert!(!limiter.admit(source, 0));
        assert!(limiter.admit(source, 500_000));
        assert!(!limiter.admit(source, 500_000));
        assert!(limiter.admit(IpAddr::from([127, 0, 0, 2]), 500_000));
    }
}
