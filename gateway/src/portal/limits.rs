//! A portal's limits, kept here so that it need not refuse: its leaky bucket, and how many requests it bears at once.

use std::time::Duration;

use crate::job::Millis;

/// Part of the bucket that answers leave to the registrar's calls: one in so many.
const RESERVED: f64 = 5.0;
/// Up to this part of its room a request goes at once; beyond, requests that are not full keep a distance, so that answers gather.
const AT_ONCE: f64 = 0.25;
/// A reply that takes longer: the portal has enough to do.
const SLOW: Duration = Duration::from_secs(1);
/// Quick replies in a row before one request more is under way at once.
const QUICK: u32 = 20;

/// The limits that a portal's answers keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// Requests that fit in at once.
    pub(crate) burst: f64,
    /// Requests a second that it bears; 0: it has no such limit.
    pub(crate) per_second: f64,
    /// Requests under way at once, at most.
    pub(crate) at_once: usize,
}

/// How much of them is used.
#[derive(Debug)]
pub(crate) struct Limits {
    rates: Rates,
    level: f64,
    at: Millis,
    /// When the last request went.
    last: Millis,
    width: usize,
    quick: u32,
}

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            level: 0.0,
            at: Millis::default(),
            last: Millis::default(),
            width: rates.at_once,
            quick: 0,
        }
    }

    /// Requests that may be under way at once.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Takes a place for a request, or says when there is one. `full`: it carries as much as one can.
    pub(crate) fn take(&mut self, now: Millis, full: bool) -> Result<(), Millis> {
        if self.rates.per_second <= 0.0 {
            return Ok(());
        }
        self.leak(now);
        let over = self.level + 1.0 - self.room();
        if over > 0.0 {
            return Err(now.after(Duration::from_secs_f64(over / self.speed()).max(Duration::from_millis(1))));
        }
        let used = self.level / self.room();
        if !full && used >= AT_ONCE {
            let next = self.last.after(Duration::from_secs_f64(used / self.speed()));
            if now < next {
                return Err(next);
            }
        }
        self.level += 1.0;
        self.last = now;
        Ok(())
    }

    /// The portal says that its bucket is full.
    pub(crate) fn overflowed(&mut self, now: Millis) {
        self.leak(now);
        self.level = self.rates.burst.max(1.0);
    }

    /// A request was answered.
    pub(crate) fn replied(&mut self, took: Duration) {
        if took > SLOW {
            self.quick = 0;
            self.width = (self.width / 2).max(1);
        } else if self.width < self.rates.at_once {
            self.quick += 1;
            if self.quick >= QUICK {
                self.quick = 0;
                self.width += 1;
            }
        }
    }

    fn leak(&mut self, now: Millis) {
        let passed = now.since(self.at).as_secs_f64();
        self.level = (self.level - passed * self.speed()).max(0.0);
        self.at = self.at.max(now);
    }

    /// Answers' part of the bucket.
    fn room(&self) -> f64 {
        (self.rates.burst - self.rates.burst / RESERVED).max(1.0)
    }

    /// Answers' part of what leaks out in a second.
    fn speed(&self) -> f64 {
        self.rates.per_second * (1.0 - 1.0 / (2.0 * RESERVED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: Rates = Rates {
        burst: 50.0,
        per_second: 2.0,
        at_once: 4,
    };

    #[test]
    fn a_part_of_the_bucket_stays_free() {
        let mut limits = Limits::new(CLOUD);
        let now = Millis(1_000_000);
        for _ in 0..40 {
            assert_eq!(limits.take(now, true), Ok(()));
        }
        let at = limits.take(now, true).expect_err("ten are the registrar's");
        assert!(at > now && at < now.after(Duration::from_secs(1)), "{at:?}");
        assert_eq!(limits.take(at.after(Duration::from_millis(1)), true), Ok(()));
        let mut sent = 0;
        for second in 1..=100 {
            while limits.take(now.after(Duration::from_secs(second)), true).is_ok() {
                sent += 1;
            }
        }
        assert!((170..=182).contains(&sent), "{sent} in 100 s: slower than it leaks");
    }

    #[test]
    fn answers_gather_when_the_bucket_fills() {
        let mut limits = Limits::new(CLOUD);
        let now = Millis(1_000_000);
        for _ in 0..10 {
            assert_eq!(limits.take(now, false), Ok(()), "a quarter goes at once");
        }
        let next = limits.take(now, false).expect_err("then they keep a distance");
        let distance = next.since(now);
        assert!((100..300).contains(&distance.as_millis()), "{distance:?}");
        assert_eq!(limits.take(now, true), Ok(()), "a full one need not wait");
        let soon = now.after(Duration::from_secs(1));
        assert_eq!(limits.take(soon, false), Ok(()));
    }

    #[test]
    fn what_the_portal_says_counts() {
        let mut limits = Limits::new(CLOUD);
        limits.overflowed(Millis(0));
        let at = limits.take(Millis(0), true).expect_err("it is full");
        assert!(at > Millis(5000), "down to our part first: {at:?}");
    }

    #[test]
    fn a_portal_without_a_bucket_is_not_slowed_down() {
        let mut limits = Limits::new(Rates {
            per_second: 0.0,
            ..CLOUD
        });
        assert!((0..1000).all(|_| limits.take(Millis(0), true).is_ok()));
    }

    #[test]
    fn a_slow_portal_gets_less_at_once() {
        let mut limits = Limits::new(CLOUD);
        limits.replied(Duration::from_secs(2));
        assert_eq!(limits.width(), 2);
        for _ in 0..9 {
            limits.replied(Duration::from_mins(1));
        }
        assert_eq!(limits.width(), 1);
        for _ in 0..1000 {
            limits.replied(Duration::from_millis(50));
        }
        assert_eq!(limits.width(), 4);
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut limits = Limits::new(CLOUD);
        assert_eq!(limits.take(Millis(1_000_000), true), Ok(()));
        assert_eq!(limits.take(Millis(0), true), Ok(()));
    }
}
