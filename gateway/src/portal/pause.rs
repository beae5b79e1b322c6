//! A failing portal gets no answers for a while, then one as a probe before the others follow.

use std::time::Duration;

use parking_lot::Mutex;
use service::Backoff;

use crate::job::Millis;

/// A minute at most: a portal that works again is noticed soon.
const BACKOFF: Backoff = Backoff::seconds(2, 60);
/// After this time without a result of a probe another one may go.
const PROBE: Duration = Duration::from_secs(70);

/// Whether answers may go to a portal now.
#[derive(Debug, Default)]
pub(crate) struct Pause(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    until: Millis,
    probe: Option<Millis>,
}

impl Pause {
    /// `Err`: not now; when to ask again.
    pub(crate) fn enter(&self, now: Millis) -> Result<(), Millis> {
        let mut state = self.0.lock();
        if state.failures == 0 {
            return Ok(());
        }
        if now < state.until {
            return Err(state.until);
        }
        match state.probe {
            Some(since) if now.since(since) < PROBE => Err(now.after(Duration::from_secs(1))),
            _ => {
                state.probe = Some(now);
                Ok(())
            }
        }
    }

    /// The portal answered as it should.
    pub(crate) fn works(&self) {
        let mut state = self.0.lock();
        if state.failures > 0 {
            *state = State::default();
        }
    }

    /// The attempt did not reach the portal: another answer may be the probe.
    pub(crate) fn undecided(&self) {
        self.0.lock().probe = None;
    }

    /// The portal failed: nothing is sent until the time returned. `least`: the pause that it asked for.
    pub(crate) fn fails(&self, now: Millis, least: Duration) -> Millis {
        let mut state = self.0.lock();
        // Answers in flight together fail together: that is one failure.
        if state.failures == 0 || now >= state.until {
            state.failures += 1;
            state.until = now.after(BACKOFF.delay(state.failures).max(least));
            state.probe = None;
        }
        state.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_probe_goes_first() {
        let pause = Pause::default();
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
        pause.works();
        assert_eq!(pause.enter(later), Ok(()));
        assert_eq!(pause.enter(later), Ok(()), "no pause is left");
    }

    #[test]
    fn a_lost_probe_is_replaced() {
        let pause = Pause::default();
        let until = pause.fails(Millis(0), Duration::ZERO);
        assert_eq!(pause.enter(until), Ok(()));
        assert_eq!(pause.enter(until.after(PROBE)), Ok(()));
    }
}
