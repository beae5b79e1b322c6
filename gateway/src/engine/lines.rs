//! Whose turn it is to be read from the store: the lines of jobs that wait there, by the time when their next is due. A line that
//! had its turn comes after the others that are due.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    job::Millis,
    storage::{Line, Place},
};

/// The lines with jobs that wait in the store, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Lines {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    due: BTreeSet<(Millis, Arc<Line>)>,
    known: HashMap<Arc<Line>, Waiting>,
    /// Something changed in lines that nobody named.
    unknown: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    /// When it is to be read; `None`: it is being read.
    at: Option<Millis>,
    /// All that is due up to there is in memory.
    behind: Option<Place>,
}

/// A line's turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) line: Arc<Line>,
    /// Jobs for which there is room.
    pub(super) room: usize,
    pub(super) behind: Option<Place>,
}

impl Lines {
    /// Something in the line is due then.
    pub(super) fn wake(&self, line: Line, at: Millis) {
        let mut state = self.state.lock();
        if state.wake(Arc::new(line), at) {
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Something is due somewhere: all lines have to be asked for.
    pub(super) fn wake_all(&self) {
        self.state.lock().unknown = true;
        self.changed.notify_one();
    }

    /// Whether all lines have to be asked for; it is told once.
    pub(super) fn take_unknown(&self) -> bool {
        std::mem::take(&mut self.state.lock().unknown)
    }

    /// All lines, as they were asked for.
    pub(super) fn found(&self, lines: Vec<(Line, Millis)>) {
        let mut state = self.state.lock();
        for (line, at) in lines {
            state.wake(Arc::new(line), at);
        }
    }

    /// The next turn at `now`, of a line for which there is room.
    pub(super) fn turn(&self, now: Millis, room: impl Fn(&Line) -> usize) -> Option<Turn> {
        let mut state = self.state.lock();
        let (at, line, room) = state
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(at, line)| (*at, line.clone(), room(line)))
            .find(|(.., room)| *room > 0)?;
        state.due.remove(&(at, line.clone()));
        let waiting = state.known.entry(line.clone()).or_default();
        waiting.at = None;
        let behind = waiting.behind;
        Some(Turn { line, room, behind })
    }

    /// A turn is over: the line's next jobs are due then, all up to a place are in memory.
    pub(super) fn done(&self, line: &Arc<Line>, next: Option<Millis>, behind: Option<Place>) {
        let mut state = self.state.lock();
        let Some(waiting) = state.known.get_mut(line) else {
            return;
        };
        // What came meanwhile may be before that place.
        waiting.behind = if waiting.at.is_none() { behind } else { None };
        if let Some(next) = next {
            state.wake(line.clone(), next);
        } else if waiting.at.is_none() {
            state.known.remove(line);
        }
    }

    /// The next time after `now` when a line is due, and whether one is due already.
    pub(super) fn next(&self, now: Millis) -> (Option<Millis>, bool) {
        let state = self.state.lock();
        let due = state.due.first().is_some_and(|(at, _)| *at <= now);
        let later = state.due.iter().map(|(at, _)| *at).find(|at| *at > now);
        (later, due)
    }

    /// Returns when something was woken. Register before looking.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }
}

impl State {
    /// Whether that is earlier than what was known.
    fn wake(&mut self, line: Arc<Line>, at: Millis) -> bool {
        let waiting = self.known.entry(line.clone()).or_default();
        if waiting.behind.is_some_and(|(time, _)| at <= time) {
            waiting.behind = None;
        }
        match waiting.at {
            Some(before) if before <= at => return false,
            Some(before) => {
                self.due.remove(&(before, line.clone()));
            }
            None => {}
        }
        waiting.at = Some(at);
        self.due.insert((at, line));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(member_id: &str) -> Line {
        Line {
            app: "demo".into(),
            member_id: member_id.into(),
            revision: "r".into(),
            state: crate::job::State::Accepted,
        }
    }

    fn turn(lines: &Lines, now: i64) -> Option<Turn> {
        lines.turn(Millis(now), |_| 9)
    }

    #[test]
    fn lines_take_turns() {
        let lines = Lines::default();
        lines.wake(line("many"), Millis(1));
        lines.wake(line("few"), Millis(5));
        assert!(turn(&lines, 0).is_none());
        let first = turn(&lines, 9).unwrap();
        assert_eq!(first.line.member_id, "many");
        // It has more that is due: the other one comes first.
        lines.done(&first.line, Some(Millis(9)), Some((Millis(1), 7)));
        let second = turn(&lines, 9).unwrap();
        assert_eq!(second.line.member_id, "few");
        lines.done(&second.line, None, None);
        let third = turn(&lines, 9).unwrap();
        assert_eq!(
            (third.line.member_id.as_str(), third.behind),
            ("many", Some((Millis(1), 7)))
        );
        assert!(turn(&lines, 9).is_none());
    }

    #[test]
    fn a_line_without_room_lets_others_pass() {
        let lines = Lines::default();
        lines.wake(line("full"), Millis(1));
        lines.wake(line("idle"), Millis(2));
        let room = |line: &Line| usize::from(line.member_id == "idle");
        let turn = lines.turn(Millis(9), room).unwrap();
        assert_eq!(turn.line.member_id, "idle");
        assert!(lines.turn(Millis(9), room).is_none());
        assert_eq!(lines.next(Millis(9)), (None, true));
    }

    #[test]
    fn what_comes_before_the_place_is_read() {
        let lines = Lines::default();
        lines.wake(line("a"), Millis(1));
        let first = turn(&lines, 9).unwrap();
        lines.done(&first.line, Some(Millis(9)), Some((Millis(5), 1)));
        lines.wake(line("a"), Millis(5));
        let second = turn(&lines, 9).unwrap();
        assert_eq!(second.behind, None);
        // The same while it is being read.
        lines.wake(line("a"), Millis(6));
        lines.done(&second.line, None, Some((Millis(8), 1)));
        assert_eq!(turn(&lines, 9).unwrap().behind, None);
    }

    #[test]
    fn a_line_with_nothing_is_forgotten() {
        let lines = Lines::default();
        lines.found(vec![(line("a"), Millis(3))]);
        assert_eq!(lines.next(Millis(0)), (Some(Millis(3)), false));
        let turn = turn(&lines, 3).unwrap();
        lines.done(&turn.line, None, None);
        assert!(lines.state.lock().known.is_empty());
    }
}
