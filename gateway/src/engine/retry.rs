//! When a failed call is tried again, and when it is given up.

use std::time::Duration;

use service::Backoff;

use crate::{
    executor::{Failure, Kind},
    job::{Deadline, Millis, Progress},
};

const BACKOFF: Backoff = Backoff::seconds(1, 300);
/// Pauses before the tries of a call that broke off.
const TRIES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_mins(1)];
/// How long a deployment may be incomplete.
const DEPLOYMENT: Duration = Duration::from_mins(15);
/// After a panic of our own code, so that it is not tried in a tight loop.
pub(crate) const AFTER_PANIC: Duration = Duration::from_mins(1);
/// Definitions that a job needs may come with a later snapshot.
pub(crate) const UNDEFINED: Duration = Duration::from_secs(30);
/// How long after a job's arrival they may. No later snapshot brought any that had not come by then.
const UNDEFINED_FOR: Duration = Duration::from_hours(1);
/// The longest wait that an executor may ask for at once.
const LONGEST: Duration = Duration::from_hours(1);

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another attempt, not before this. It may be the deadline, when the job ends.
    Attempt(Millis),
    /// A business error with this code.
    Business(String),
    /// The executor failed for good.
    GiveUp,
}

/// Decides, and counts the failure.
pub(crate) fn next(failure: &Failure, progress: &mut Progress, deadline: Deadline, now: Millis) -> Next {
    let delay = match &failure.kind {
        Kind::Business { code } => return Next::Business(code.clone()),
        Kind::Away { wait } => wait.map_or_else(|| BACKOFF.delay(progress.attempts), |wait| wait.min(LONGEST)),
        Kind::Broke => {
            progress.failures += 1;
            match TRIES.get(progress.failures as usize - 1) {
                Some(delay) => *delay,
                None => return Next::GiveUp,
            }
        }
        Kind::Deployment => {
            let since = *progress.faulty_since.get_or_insert(now);
            let left = DEPLOYMENT.saturating_sub(now.since(since));
            if left.is_zero() {
                return Next::GiveUp;
            }
            BACKOFF.delay(progress.attempts).min(left)
        }
    };
    Next::Attempt(now.after(delay).min(deadline.at))
}

/// Our own code panicked: counts it, and gives the pause before another attempt. `None`: this job fails each time.
pub(crate) fn after_panic(progress: &mut Progress) -> Option<Duration> {
    progress.failures += 1;
    ((progress.failures as usize) < TRIES.len()).then_some(AFTER_PANIC)
}

/// No snapshot has the definition of a job: the pause before another look. `None`: none will have it without a person.
pub(crate) fn undefined(received: Millis, now: Millis) -> Option<Duration> {
    (now.since(received) < UNDEFINED_FOR).then_some(UNDEFINED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);
    const FAR: Deadline = Deadline {
        at: Millis(i64::MAX),
        timed: false,
    };

    fn failure(kind: Kind) -> Failure {
        Failure::new(kind, "why")
    }

    fn delay(next: &Next) -> u64 {
        let Next::Attempt(at) = next else { panic!("{next:?}") };
        at.since(NOW).as_secs()
    }

    #[test]
    fn away_backs_off_up_to_five_minutes() {
        let away = failure(Kind::Away { wait: None });
        for attempts in 1..50 {
            let mut progress = Progress {
                attempts,
                ..Progress::default()
            };
            let full = (1000_u64 << (attempts - 1).min(20)).min(300_000);
            let Next::Attempt(at) = next(&away, &mut progress, FAR, NOW) else {
                panic!("it is tried again")
            };
            let delay = u64::try_from(at.since(NOW).as_millis()).unwrap();
            assert!(delay <= full && delay >= full / 2, "{attempts}: {delay}");
            assert_eq!(progress.failures, 0);
        }
    }

    #[test]
    fn an_executors_wish_counts_within_reason() {
        let mut progress = Progress {
            attempts: 1,
            ..Progress::default()
        };
        let asks = |seconds| {
            failure(Kind::Away {
                wait: Some(Duration::from_secs(seconds)),
            })
        };
        assert_eq!(delay(&next(&asks(42), &mut progress, FAR, NOW)), 42);
        assert_eq!(delay(&next(&asks(1_000_000), &mut progress, FAR, NOW)), 3600);
    }

    #[test]
    fn broken_calls_get_three_tries() {
        let broke = failure(Kind::Broke);
        let mut progress = Progress::default();
        let delays: Vec<_> = (0..3).map(|_| delay(&next(&broke, &mut progress, FAR, NOW))).collect();
        assert_eq!(delays, [1, 10, 60]);
        assert_eq!(next(&broke, &mut progress, FAR, NOW), Next::GiveUp);
    }

    #[test]
    fn a_deployment_has_a_quarter_of_an_hour() {
        let fault = failure(Kind::Deployment);
        let mut progress = Progress {
            attempts: 20,
            ..Progress::default()
        };
        assert!(delay(&next(&fault, &mut progress, FAR, NOW)) >= 150);
        assert_eq!(progress.faulty_since, Some(NOW));
        let later = NOW.after(Duration::from_secs(899));
        assert_eq!(
            next(&fault, &mut progress, FAR, later),
            Next::Attempt(later.after(Duration::from_secs(1)))
        );
        let over = NOW.after(Duration::from_mins(15));
        assert_eq!(next(&fault, &mut progress, FAR, over), Next::GiveUp);
    }

    #[test]
    fn nothing_is_planned_beyond_the_deadline() {
        let deadline = Deadline {
            at: NOW.after(Duration::from_millis(100)),
            timed: true,
        };
        let mut progress = Progress {
            attempts: 9,
            ..Progress::default()
        };
        let away = failure(Kind::Away { wait: None });
        assert_eq!(next(&away, &mut progress, deadline, NOW), Next::Attempt(deadline.at));
    }

    #[test]
    fn the_third_panic_is_the_last() {
        let mut progress = Progress::default();
        assert_eq!(after_panic(&mut progress), Some(AFTER_PANIC));
        assert_eq!(after_panic(&mut progress), Some(AFTER_PANIC));
        assert_eq!(after_panic(&mut progress), None);
    }

    #[test]
    fn a_definition_has_an_hour_to_come() {
        let hour = NOW.after(UNDEFINED_FOR);
        assert_eq!(undefined(NOW, NOW), Some(UNDEFINED));
        assert_eq!(undefined(NOW, Millis(hour.0 - 1)), Some(UNDEFINED));
        assert_eq!(undefined(NOW, hour), None);
    }

    #[test]
    fn a_business_error_is_an_answer() {
        let mut progress = Progress::default();
        let business = failure(Kind::Business { code: "EMPTY".into() });
        assert_eq!(next(&business, &mut progress, FAR, NOW), Next::Business("EMPTY".into()));
    }
}
