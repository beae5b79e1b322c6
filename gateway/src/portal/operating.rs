//! How long an app's methods have run on a portal: one that has run for too long is refused until the portal counts anew. It counts
//! by app and method.

use std::time::Duration;

use bitrix::rest::Time;

use crate::job::Millis;

/// A method is refused once it has run for 420 s of ten minutes, by the server's default. From here on it is left alone until the
/// portal counts anew.
const BUSY: f64 = 360.0;
/// The portal counts over ten minutes.
const LONGEST: Duration = Duration::from_mins(10);
/// Until a portal that has not said when it counts anew is asked again.
const UNKNOWN: Duration = Duration::from_mins(1);

/// The accounts of an app on a portal.
#[derive(Debug, Default)]
pub(crate) struct Operating {
    /// Of `bizproc.event.send`.
    pub(crate) answers: Account,
    /// Of `bizproc.workflow.instances`.
    pub(crate) readings: Account,
}

/// Of one method.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Its time is used up until then.
    rests_until: Millis,
    /// When the portal counts anew, as it said.
    resets_at: Millis,
}

impl Account {
    /// Until when the method is left alone, if it is now.
    pub(crate) fn rests(&self, now: Millis) -> Option<Millis> {
        (now < self.rests_until).then_some(self.rests_until)
    }

    /// What a reply says of the method's time.
    pub(super) fn note(&mut self, time: &Time, now: Millis) {
        let (Some(operating), Some(end)) = (time.operating, time.operating_reset_at) else {
            return;
        };
        let reset = Duration::try_from_secs_f64(end - time.finish).unwrap_or_default();
        let resets_at = now.after(reset.min(LONGEST));
        if self.resets_at <= now || resets_at < self.resets_at {
            self.resets_at = resets_at;
        }
        if operating >= BUSY {
            self.rests_until = self.rests_until.max(resets_at);
        }
    }

    /// The portal refuses the method; how long it is to be left alone for that.
    pub(super) fn blocked(&mut self, now: Millis) -> Duration {
        let until = if self.resets_at > now {
            self.resets_at
        } else {
            now.after(UNKNOWN)
        };
        self.rests_until = self.rests_until.max(until);
        until.since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(operating: f64, reset: f64) -> Time {
        Time {
            finish: 1000.0,
            operating: Some(operating),
            operating_reset_at: Some(1000.0 + reset),
            ..Time::default()
        }
    }

    #[test]
    fn what_a_method_may_run_is_not_used_up() {
        let mut account = Account::default();
        account.note(&ran(359.0, 100.0), Millis(0));
        assert_eq!(account.rests(Millis(0)), None);
        account.note(&ran(361.0, 100.0), Millis(0));
        assert_eq!(account.rests(Millis(99_999)), Some(Millis(100_000)));
        assert_eq!(account.rests(Millis(100_000)), None);
        account.note(&ran(400.0, f64::MAX), Millis(200_000));
        assert_eq!(account.rests(Millis(799_999)), None, "nonsense counts as nothing");
        account.note(&ran(400.0, 1e9), Millis(200_000));
        assert_eq!(account.rests(Millis(800_000)), None, "ten minutes at most");
    }

    #[test]
    fn a_blocked_method_waits_until_the_portal_counts_anew() {
        let mut account = Account::default();
        assert_eq!(
            account.blocked(Millis(0)),
            Duration::from_mins(1),
            "it has not said when"
        );
        for reset in [300.0, 100.0, 200.0] {
            account.note(&ran(1.0, reset), Millis(60_000));
        }
        assert_eq!(account.blocked(Millis(150_000)), Duration::from_secs(10));
        assert_eq!(account.rests(Millis(159_999)), Some(Millis(160_000)));
        assert_eq!(account.rests(Millis(160_000)), None);
    }
}
