use std::time::Duration;

use super::{Millis, Subscription};

/// A portal's clock may be off by as much; beyond it our own counts.
const CLOCK_ERROR: Duration = Duration::from_mins(10);
/// How long a job without a time-out is worked on.
const UNTIMED: Duration = Duration::from_hours(24);

/// Until when a job is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) at: Millis,
    /// The workflow has a time-out and goes on by itself then; else it waits for ever.
    pub(crate) timed: bool,
}

impl Deadline {
    /// `ts` and `timeout` are the callback's, in seconds.
    pub(crate) fn new(received: Millis, ts: Option<i64>, timeout: Option<u64>, subscription: Subscription) -> Self {
        let timeout = timeout
            .filter(|seconds| *seconds > 0 && subscription.answers())
            .map(Duration::from_secs);
        let Some(timeout) = timeout else {
            return Self::untimed(received);
        };
        let sent = ts
            .map(|seconds| Millis(seconds.saturating_mul(1000)))
            .filter(|sent| sent.since(received) <= CLOCK_ERROR && received.since(*sent) <= CLOCK_ERROR);
        Self {
            at: sent.unwrap_or(received).after(timeout),
            timed: true,
        }
    }

    /// Of a job without a time-out that begins at `start`.
    pub(crate) fn untimed(start: Millis) -> Self {
        Self {
            at: start.after(UNTIMED),
            timed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_702_924_200_000);
    const DAY: i64 = 86_400_000;

    #[test]
    fn a_time_out_counts_from_the_portals_clock_unless_that_is_off() {
        let deadline = |ts, timeout| Deadline::new(NOW, ts, timeout, Subscription::Waits);
        let timed = |at| Deadline {
            at: Millis(at),
            timed: true,
        };
        let sent = 1_702_924_163;
        assert_eq!(deadline(Some(sent), Some(600)), timed((sent + 600) * 1000));
        assert_eq!(deadline(Some(sent + 300), Some(600)), timed((sent + 900) * 1000));
        assert_eq!(deadline(None, Some(600)), timed(NOW.0 + 600_000));
        for off in [0, -1, i64::MIN, i64::MAX, sent - 700, sent + 700] {
            assert_eq!(deadline(Some(off), Some(600)), timed(NOW.0 + 600_000), "{off}");
        }
        assert_eq!(deadline(None, Some(u64::MAX)).at, Millis(i64::MAX));
    }

    #[test]
    fn without_a_time_out_it_is_a_day() {
        let untimed = Deadline {
            at: Millis(NOW.0 + DAY),
            timed: false,
        };
        assert_eq!(Deadline::new(NOW, Some(0), Some(0), Subscription::Waits), untimed);
        assert_eq!(Deadline::new(NOW, None, None, Subscription::OldForm), untimed);
        assert_eq!(
            Deadline::new(NOW, None, Some(5), Subscription::WentOn),
            untimed,
            "nobody is late for nothing"
        );
    }
}
