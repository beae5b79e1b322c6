//! Who fails is left alone for a while, longer each time; then one attempt is a probe before the others follow.

use std::time::Duration;

use parking_lot::Mutex;
use service::Backoff;

use crate::job::Millis;

/// From a failure to a probe that somebody hurries.
const SOON: Duration = Duration::from_secs(5);
/// While a probe is under way others ask again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether somebody, a portal or an executor, may be tried now.
#[derive(Debug)]
pub(crate) struct Pause {
    backoff: Backoff,
    /// After this time without a result of a probe another one may go.
    probe_limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Millis,
    /// Before this nobody hurries.
    earliest: Millis,
    probe: Option<Millis>,
}

impl Pause {
    pub(crate) fn new(backoff: Backoff, probe_limit: Duration) -> Self {
        Self {
            backoff,
            probe_limit,
            state: Mutex::default(),
        }
    }

    /// May be the probe. `Err`: not now; when to ask again.
    pub(crate) fn enter(&self, now: Millis) -> Result<(), Millis> {
        let mut state = self.state.lock();
        if let Some(until) = self.until(&state, now) {
            return Err(until);
        }
        if state.failures > 0 {
            state.probe = Some(now);
        }
        Ok(())
    }

    /// When to ask again, if nobody may enter now.
    pub(crate) fn closed(&self, now: Millis) -> Option<Millis> {
        self.until(&self.state.lock(), now)
    }

    fn until(&self, state: &State, now: Millis) -> Option<Millis> {
        if state.failures == 0 {
            return None;
        }
        if now < state.until {
            return Some(state.until);
        }
        let probing = state.probe.is_some_and(|since| now.since(since) < self.probe_limit);
        probing.then(|| now.after(ASK_AGAIN))
    }

    /// It answered as it should; true when it is the first time after a failure.
    pub(crate) fn works(&self) -> bool {
        let mut state = self.state.lock();
        let failed = state.failures > 0;
        if failed {
            *state = State::default();
        }
        failed
    }

    /// There is a sign that it works again: the next probe goes soon.
    pub(crate) fn hurry(&self, now: Millis) {
        let mut state = self.state.lock();
        state.until = state.until.min(now.max(state.earliest));
    }

    /// The attempt was none: another one may be the probe.
    pub(crate) fn undecided(&self) {
        self.state.lock().probe = None;
    }

    /// It failed, and is left alone until the time returned. `least`: the pause that it asked for.
    pub(crate) fn fails(&self, now: Millis, least: Duration) -> Millis {
        let mut state = self.state.lock();
        // Attempts under way together fail together: that is one failure.
        if state.failures == 0 || now >= state.until {
            state.failures += 1;
            state.until = now.after(self.backoff.delay(state.failures).max(least));
            state.earliest = now.after(least.max(SOON));
            state.probe = None;
        }
        state.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Duration = Duration::from_secs(70);

    fn pause() -> Pause {
        Pause::new(Backoff::seconds(2, 60), PROBE)
    }

    #[test]
    fn one_probe_goes_first() {
        let pause = pause();
        let start = Millis(0);
        assert_eq!(pause.enter(start), Ok(()));
        let until = pause.fails(start, Duration::from_secs(10));
        assert_eq!(until, Millis(10_000), "what was asked for counts");
        assert_eq!(
            pause.fails(start, Duration::ZERO),
            until,
            "others on their way are the same failure"
        );
        assert_eq!(pause.enter(Millis(9_999)), Err(until));
        assert_eq!(pause.enter(until), Ok(()));
        assert_eq!(pause.enter(until), Err(Millis(11_000)), "one at a time");
        let later = pause.fails(until, Duration::ZERO);
        assert!(later >= Millis(12_000) && later <= Millis(14_000), "{later:?}");
        assert_eq!(pause.enter(later), Ok(()));
        assert!(pause.works());
        assert_eq!(pause.enter(later), Ok(()));
        assert_eq!(pause.enter(later), Ok(()), "no pause is left");
        assert!(!pause.works(), "it is told once");
    }

    #[test]
    fn a_sign_of_life_ends_the_wait() {
        let pause = Pause::new(Backoff::seconds(40, 60), PROBE);
        pause.fails(Millis(0), Duration::ZERO);
        pause.hurry(Millis(1_000));
        assert_eq!(pause.enter(Millis(1_000)), Err(Millis(5_000)), "not at once");
        assert_eq!(pause.enter(Millis(5_000)), Ok(()));
        pause.fails(Millis(5_000), Duration::from_secs(15));
        pause.hurry(Millis(30_000));
        assert_eq!(pause.enter(Millis(30_000)), Ok(()));
        pause.fails(Millis(30_000), Duration::from_secs(15));
        pause.hurry(Millis(31_000));
        assert_eq!(
            pause.enter(Millis(31_000)),
            Err(Millis(45_000)),
            "what was asked for counts"
        );
    }

    #[test]
    fn a_lost_probe_is_replaced() {
        let pause = pause();
        let until = pause.fails(Millis(0), Duration::ZERO);
        assert_eq!(pause.enter(until), Ok(()));
        assert_eq!(pause.enter(until.after(PROBE)), Ok(()));
    }
}
