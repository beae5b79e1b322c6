//! Who may call an executor now: so many calls at once, portals in turns, fewer after it failed.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use service::Backoff;
use tokio::sync::oneshot;

use crate::{job::Millis, pause::Pause};

/// Pauses of an executor that can't be reached; then one call is a probe.
const AWAY: Backoff = Backoff::seconds(1, 15);
/// A probe without an end for this long is replaced.
const PROBE: Duration = Duration::from_mins(1);

/// The way to an executor.
#[derive(Debug)]
pub(super) struct Gate {
    pause: Pause,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    most: usize,
    /// Calls at once: halved when one finds the executor busy or away, one more with each that is answered. So an executor that comes
    /// back is loaded step by step, twice as much after each round.
    window: usize,
    under_way: usize,
    /// By portal; each is told when it may go, or when to come back.
    waiting: HashMap<u64, VecDeque<oneshot::Sender<Result<(), Millis>>>>,
    turns: VecDeque<u64>,
}

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
}

/// What a call showed of its executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It answers.
    Well,
    /// It is too slow, or asks for patience.
    Busy,
    /// It can't be reached.
    Away,
}

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self {
            pause: Pause::new(AWAY, PROBE),
            state: Mutex::new(State {
                most,
                window: most,
                under_way: 0,
                waiting: HashMap::new(),
                turns: VecDeque::new(),
            }),
        }
    }

    /// Until when it is left alone.
    pub(super) fn closed(&self, now: Millis) -> Option<Millis> {
        self.pause.closed(now)
    }

    /// A pass, in the portal's turn.
    ///
    /// # Errors
    /// The executor can't be reached: when to ask again.
    pub(super) async fn enter(self: &Arc<Self>, portal: u64, now: Millis) -> Result<Pass, Millis> {
        let turn = {
            let mut state = self.state.lock();
            self.pause.enter(now)?;
            if state.under_way < state.window && state.turns.is_empty() {
                state.under_way += 1;
                None
            } else {
                let (told, turn) = oneshot::channel();
                let waiting = state.waiting.entry(portal).or_default();
                waiting.push_back(told);
                if waiting.len() == 1 {
                    state.turns.push_back(portal);
                }
                Some(turn)
            }
        };
        if let Some(turn) = turn {
            turn.await.unwrap_or(Err(now))?;
        }
        Ok(Pass { gate: self.clone() })
    }
}

impl State {
    /// Lets go who has a turn.
    fn grant(&mut self) {
        while self.under_way < self.window
            && let Some(portal) = self.turns.pop_front()
        {
            let Some(waiting) = self.waiting.get_mut(&portal) else {
                continue;
            };
            let told = waiting.pop_front();
            if waiting.is_empty() {
                self.waiting.remove(&portal);
            } else {
                self.turns.push_back(portal);
            }
            // Who does not wait any more does not go.
            if told.is_some_and(|told| told.send(Ok(())).is_ok()) {
                self.under_way += 1;
            }
        }
    }
}

impl Pass {
    /// The call is over.
    pub(crate) fn done(self, shown: Shown, now: Millis) {
        let mut state = self.gate.state.lock();
        match shown {
            Shown::Well => {
                self.gate.pause.works();
                state.window = (state.window + 1).min(state.most);
            }
            Shown::Busy => {
                self.gate.pause.works();
                state.window = (state.window / 2).max(1);
            }
            Shown::Away => {
                let until = self.gate.pause.fails(now, Duration::ZERO);
                state.window = 1;
                state.turns.clear();
                for told in state.waiting.drain().flat_map(|(_, waiting)| waiting) {
                    // Who does not wait any more need not know.
                    let _gone = told.send(Err(until));
                }
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        state.under_way -= 1;
        state.grant();
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::BoxFuture};

    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn gate(most: usize) -> Arc<Gate> {
        Arc::new(Gate::new(most))
    }

    fn enter(gate: &Arc<Gate>, portal: u64, now: Millis) -> BoxFuture<'static, Result<Pass, Millis>> {
        let gate = gate.clone();
        let mut entering = async move { gate.enter(portal, now).await }.boxed();
        // In the line, if it has to wait.
        match (&mut entering).now_or_never() {
            Some(entered) => std::future::ready(entered).boxed(),
            None => entering,
        }
    }

    fn pass(entering: &mut BoxFuture<'static, Result<Pass, Millis>>) -> Option<Pass> {
        entering.now_or_never().map(|entered| entered.expect("it is not away"))
    }

    #[test]
    fn portals_take_turns() {
        let gate = gate(1);
        let first = pass(&mut enter(&gate, 1, NOW)).unwrap();
        let mut many: Vec<_> = (0..3).map(|_| enter(&gate, 1, NOW)).collect();
        let mut other = enter(&gate, 2, NOW);
        assert!(pass(&mut many[0]).is_none() && pass(&mut other).is_none());
        drop(first);
        let second = pass(&mut many[0]).unwrap();
        drop(second);
        let third = pass(&mut other).expect("its turn comes before the first portal's third");
        drop(third);
        assert!(pass(&mut many[1]).is_some());
    }

    #[test]
    fn who_has_gone_is_passed_over() {
        let gate = gate(1);
        let first = pass(&mut enter(&gate, 1, NOW)).unwrap();
        drop(enter(&gate, 1, NOW));
        let mut next = enter(&gate, 1, NOW);
        drop(first);
        assert!(pass(&mut next).is_some());
    }

    #[test]
    fn who_comes_back_is_loaded_step_by_step() {
        let gate = gate(64);
        pass(&mut enter(&gate, 1, NOW)).unwrap().done(Shown::Away, NOW);
        let until = gate.closed(NOW).expect("it is left alone");
        assert!(until > NOW && until <= NOW.after(Duration::from_secs(1)));
        assert_eq!(enter(&gate, 1, NOW).now_or_never().unwrap().err(), Some(until));
        // One call is the probe, the others come back.
        let mut probe = enter(&gate, 1, until);
        assert!(enter(&gate, 1, until).now_or_never().unwrap().is_err());
        pass(&mut probe).unwrap().done(Shown::Well, until);
        let mut sizes = Vec::new();
        for _ in 0..7 {
            let mut round: Vec<_> = (0..100).map(|_| enter(&gate, 1, until)).collect();
            let passes: Vec<_> = round.iter_mut().filter_map(pass).collect();
            sizes.push(passes.len());
            drop(round);
            for pass in passes {
                pass.done(Shown::Well, until);
            }
        }
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 64]);
    }

    #[test]
    fn those_who_wait_are_told_that_it_is_away() {
        let gate = gate(2);
        let first = pass(&mut enter(&gate, 1, NOW)).unwrap();
        let second = pass(&mut enter(&gate, 1, NOW)).unwrap();
        let waiting = enter(&gate, 1, NOW);
        first.done(Shown::Away, NOW);
        let until = gate.closed(NOW).unwrap();
        assert_eq!(waiting.now_or_never().unwrap().err(), Some(until));
        second.done(Shown::Away, NOW);
        assert_eq!(gate.closed(NOW), Some(until), "together is once");
    }

    #[test]
    fn a_lost_probe_is_replaced() {
        let gate = gate(2);
        pass(&mut enter(&gate, 1, NOW)).unwrap().done(Shown::Away, NOW);
        let until = gate.closed(NOW).unwrap();
        drop(pass(&mut enter(&gate, 1, until)).unwrap());
        assert!(gate.closed(until).is_some());
        assert_eq!(gate.closed(until.after(PROBE)), None);
    }

    #[test]
    fn a_busy_one_gets_half() {
        let gate = gate(8);
        pass(&mut enter(&gate, 1, NOW)).unwrap().done(Shown::Busy, NOW);
        let mut round: Vec<_> = (0..9).map(|_| enter(&gate, 1, NOW)).collect();
        assert_eq!(round.iter_mut().filter_map(pass).collect::<Vec<_>>().len(), 4);
    }
}
