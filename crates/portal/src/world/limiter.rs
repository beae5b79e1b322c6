//! The cloud's leaky bucket: so many calls at once, so many a second, for each source address of a portal.

use std::{collections::HashMap, net::IpAddr};

use crate::state::Settings;

/// Buckets by source address.
#[derive(Debug, Default)]
pub struct Limiter {
    buckets: HashMap<IpAddr, (f64, i64)>,
}

impl Limiter {
    /// Whether a call at `now` (unix microseconds) still fits into the settings' bucket; it is counted if so.
    pub fn admit(&mut self, settings: &Settings, source: IpAddr, now: i64) -> bool {
        let (level, last) = self.buckets.entry(source).or_insert((0.0, now));
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds between two calls are far below 2^52"
        )]
        let passed = (now - *last).max(0) as f64 / 1e6;
        *level = (*level - passed * f64::from(settings.limiter_per_second)).max(0.0);
        *last = now;
        if *level + 1.0 > f64::from(settings.limiter_burst) {
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
        let mut admit = |source, now| limiter.admit(&Settings::default(), source, now);
        assert!((0..50).all(|_| admit(source, 0)));
        assert!(!admit(source, 0));
        assert!(admit(source, 500_000));
        assert!(!admit(source, 500_000));
        assert!(admit(IpAddr::from([127, 0, 0, 2]), 500_000));
    }

    #[test]
    fn a_larger_plan_has_more() {
        let enterprise = Settings {
            limiter_burst: 250,
            limiter_per_second: 5,
            ..Settings::default()
        };
        let (mut limiter, source) = (Limiter::default(), IpAddr::from([127, 0, 0, 1]));
        let mut admit = |now| limiter.admit(&enterprise, source, now);
        assert!((0..250).all(|_| admit(0)) && !admit(0));
        assert!((0..5).all(|_| admit(1_000_000)) && !admit(1_000_000));
    }
}
