//! What a reading of a workflow proves about the answers that were sent to it.
//!
//! `event.send` says `true` and acts later, in a hit of its own that needs the workflow's lock: held by another hit, the answer
//! is dropped without a word. `workflow.instances` shows of a workflow whether it still lives, when it was last saved (whole
//! seconds of the portal's clock), and whether a hit is in it now. From that follows:
//!
//! - It is gone: it came to its end, so it waits for nothing. The only proof that there is.
//! - A hit is in it: nothing can be said before it is out.
//! - Not saved since we sent: our hit has not had its turn yet (those of one batch run one after another), or was lost with its
//!   process. A hit that dropped ours would itself have saved later.
//! - Saved in the second in which we sent: as likely by the hit that began the step, because an executor answers within that
//!   second. As if not saved. A repeat is seconds later than that hit: for it the same second counts.
//! - Saved in a later second: by our hit, or by another that held the lock when ours came. Which of the two nobody can see.
//!
//! So an answer whose workflow goes on to wait is sent again, at growing distances. Each repeat that is followed by a save makes
//! it less likely that another hit was in the workflow every time; the last one ends it. A repeat has no second effect.

use std::time::Duration;

use crate::job::{Deadline, Millis};

/// Distances between the sends of an answer whose workflow was saved after each of them.
const LADDER: [Duration; 4] = [
    Duration::from_secs(3),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_mins(50),
];
/// Until a hit of which nothing is seen is given up.
const LOST: Duration = Duration::from_secs(6);
/// What a hit of a batch may take: those behind it wait for it.
const TURN: Duration = Duration::from_millis(500);
/// Distances between the sends of an answer whose workflow can't be read.
const UNSEEN: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_mins(1)];
/// Looks at a workflow with a hit in it: the first, and the longest distance.
const LOCKED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// The last request that carried an answer to a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastSend {
    /// How often the answer has been sent, this one included.
    pub(crate) sends: u32,
    /// When, by our clock.
    pub(crate) at: Millis,
    /// The second of the portal's clock in which the request began.
    pub(crate) second: i64,
    /// Answers in the request.
    pub(crate) answers: usize,
    /// The workflow has called a later step since.
    pub(crate) went_on: bool,
}

/// What a reading shows of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// It is over.
    Gone,
    /// A hit is in it.
    Locked,
    /// No hit is in it; it was last saved in this second of the portal's clock.
    Free { saved: i64 },
}

/// What follows for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It arrived, or nobody waits for it any more.
    Done(Evidence),
    /// Another reading, then.
    Look(Millis),
    /// It is sent again.
    Repeat,
    /// It needs a person, who is told what was seen.
    Park(&'static str),
    /// It stays sent: nothing can be read, and it was repeated often enough.
    Unproved,
}

/// Why an answer is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The workflow is over.
    Gone,
    /// The workflow was saved after each of its sends, over an hour.
    Repeated,
    /// The workflow's time-out has passed: it went on without it.
    TimedOut,
}

impl Evidence {
    /// The label in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gone => "workflow_over",
            Self::Repeated => "saved_after_each_send",
            Self::TimedOut => "timed_out",
        }
    }

    /// As the job tells it; nothing of the usual end.
    pub(crate) fn text(self) -> Option<&'static str> {
        match self {
            Self::Gone => None,
            Self::Repeated => {
                Some("taken as arrived: the workflow still runs, and was saved after each of five sends within an hour")
            }
            Self::TimedOut => Some("not seen to arrive before the workflow's time-out"),
        }
    }
}

impl LastSend {
    /// When the first reading is worth its call.
    pub(crate) fn first_look(&self) -> Millis {
        self.at.after(LADDER[0].min(LOST) + self.backlog() / 4)
    }

    /// What follows when nothing can be read.
    pub(crate) fn judge_unseen(&self, now: Millis, deadline: Deadline) -> Next {
        match UNSEEN.get(self.sends.max(1) as usize - 1) {
            Some(distance) if now < deadline.at => {
                let due = self.at.after(*distance + self.backlog());
                if now >= due { Next::Repeat } else { Next::Look(due) }
            }
            _ => Next::Unproved,
        }
    }

    /// The hits before ours in its request.
    fn backlog(&self) -> Duration {
        TURN * u32::try_from(self.answers.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(50)
    }

    /// Judges a reading that was asked for after the send was answered. `looks`: how many in a row found a hit in the workflow.
    pub(crate) fn judge(&self, row: Row, looks: u32, now: Millis, deadline: Deadline) -> Next {
        let saved = match row {
            Row::Gone => return Next::Done(Evidence::Gone),
            _ if now >= deadline.at && deadline.timed => return Next::Done(Evidence::TimedOut),
            Row::Locked if now >= deadline.at => {
                return Next::Park("the portal holds the workflow's lock, and drops every answer meanwhile");
            }
            Row::Locked => {
                let (first, longest) = LOCKED;
                let pause = first.saturating_mul(1 << looks.min(10)).min(longest);
                return Next::Look(now.after(pause).min(deadline.at));
            }
            Row::Free { saved } => saved > self.second || (self.sends > 1 && saved == self.second),
        };
        let rung = self.sends.max(1) as usize - 1 + usize::from(self.went_on && self.sends <= 1);
        let Some(distance) = LADDER.get(rung).or_else(|| LADDER.last().filter(|_| !saved)) else {
            return Next::Done(Evidence::Repeated);
        };
        if now >= deadline.at {
            return Next::Park("the workflow still waits, and was not seen to take the answer");
        }
        let distance = if saved { *distance } else { (*distance).max(LOST) };
        let due = self.at.after(distance + self.backlog());
        if now >= due {
            Next::Repeat
        } else {
            Next::Look(due.min(deadline.at))
        }
    }
}

#[cfg(test)]
mod tests;
