//! Whose turn it is to be read from the store: the lines of jobs that wait there, by the time when their next is due. A line that
//! had its turn comes after the others that are due.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::schedule::Schedule;
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
    /// Those that wait for a turn.
    due: Schedule<Arc<Line>>,
    /// All that is due of a line up to there is in memory.
    behind: HashMap<Arc<Line>, Place>,
    /// Something changed in lines that nobody named.
    unknown: bool,
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
        if self.state.lock().wake(&Arc::new(line), at) {
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
            state.wake(&Arc::new(line), at);
        }
    }

    /// The next turn at `now`, of a line for which there is room.
    pub(super) fn turn(&self, now: Millis, room: impl Fn(&Line) -> usize) -> Option<Turn> {
        let mut state = self.state.lock();
        let (line, room) = state
            .due
            .due(now)
            .map(|line| (line.clone(), room(line)))
            .find(|(_, room)| *room > 0)?;
        state.due.remove(&line);
        let behind = state.behind.get(&line).copied();
        Some(Turn { line, room, behind })
    }

    /// A turn is over: the line's next jobs are due then, all up to a place are in memory.
    pub(super) fn done(&self, line: &Arc<Line>, next: Option<Millis>, behind: Option<Place>) {
        let mut state = self.state.lock();
        // What came meanwhile may be before that place.
        match behind.filter(|_| !state.due.contains(line)) {
            Some(place) => state.behind.insert(line.clone(), place),
            None => state.behind.remove(line),
        };
        if let Some(next) = next {
            state.wake(line, next);
        }
    }

    /// The next time after `now` when a line is due, and whether one is due already.
    pub(super) fn next(&self, now: Millis) -> (Option<Millis>, bool) {
        let due = &self.state.lock().due;
        (due.later(now), due.first().is_some_and(|at| at <= now))
    }

    /// Returns when something was woken. Register before looking.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }
}

impl State {
    /// Whether that is earlier than what was known.
    fn wake(&mut self, line: &Arc<Line>, at: Millis) -> bool {
        if self.behind.get(line).is_some_and(|(time, _)| at <= *time) {
            self.behind.remove(line);
        }
        self.due.add(line, at)
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
        let state = lines.state.lock();
        assert!(state.due.first().is_none() && state.behind.is_empty());
    }
}
