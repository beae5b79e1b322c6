//! Where a job is, and how it ended.

use proto::gateway::v1 as wire;

/// Where a job is. The numbers are the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum State {
    /// Stored, not run: it is not proved yet, or what it refers to isn't known yet.
    Quarantined = 0,
    /// To be run.
    Accepted = 1,
    /// The executor completes it later.
    Deferred = 2,
    /// Has an answer that must wait.
    AnsweredUnsent = 3,
    /// The portal took the answer; whether the workflow got it isn't confirmed.
    Sent = 4,
    /// Finished.
    Done = 5,
    /// Not answered; needs a person.
    Parked = 6,
}

/// How a job ended. The numbers are the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// The executor's answer was sent.
    Answered = 1,
    /// A business error was sent.
    AnsweredError = 2,
    /// The workflow doesn't wait.
    NotWaiting = 3,
    /// The workflow's time-out came first.
    Expired = 4,
    /// The workflow no longer exists.
    WorkflowGone = 5,
    /// The portal no longer exists, or the app is not installed on it.
    PortalGone = 6,
    /// A person or a disproved authentication discarded it.
    Discarded = 7,
}

impl State {
    pub(crate) const ALL: [Self; 7] = [
        Self::Quarantined,
        Self::Accepted,
        Self::Deferred,
        Self::AnsweredUnsent,
        Self::Sent,
        Self::Done,
        Self::Parked,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }

    /// The name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::AnsweredUnsent => "answered_unsent",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Parked => "parked",
        }
    }

    pub(crate) fn wire(self) -> wire::State {
        match self {
            Self::Quarantined => wire::State::Quarantined,
            Self::Accepted => wire::State::Accepted,
            Self::Deferred => wire::State::Deferred,
            Self::AnsweredUnsent => wire::State::AnsweredUnsent,
            Self::Sent => wire::State::Sent,
            Self::Done => wire::State::Done,
            Self::Parked => wire::State::Parked,
        }
    }

    /// `None`: any.
    pub(crate) fn from_wire(state: wire::State) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.wire() == state)
    }
}

impl Outcome {
    pub(crate) const ALL: [Self; 7] = [
        Self::Answered,
        Self::AnsweredError,
        Self::NotWaiting,
        Self::Expired,
        Self::WorkflowGone,
        Self::PortalGone,
        Self::Discarded,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| *outcome as u8 == number)
    }

    /// `None`: any.
    pub(crate) fn from_wire(outcome: wire::Outcome) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.wire() == outcome)
    }

    /// The name in metrics, spans and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::AnsweredError => "answered_error",
            Self::NotWaiting => "not_waiting",
            Self::Expired => "expired",
            Self::WorkflowGone => "workflow_gone",
            Self::PortalGone => "portal_gone",
            Self::Discarded => "discarded",
        }
    }

    pub(crate) fn wire(self) -> wire::Outcome {
        match self {
            Self::Answered => wire::Outcome::Answered,
            Self::AnsweredError => wire::Outcome::AnsweredError,
            Self::NotWaiting => wire::Outcome::NotWaiting,
            Self::Expired => wire::Outcome::Expired,
            Self::WorkflowGone => wire::Outcome::WorkflowGone,
            Self::PortalGone => wire::Outcome::PortalGone,
            Self::Discarded => wire::Outcome::Discarded,
        }
    }
}
