//! What a person can do with a job that does not go on by itself.

use proto::gateway::v1 as wire;

use super::{Outcome, State};

/// What a person does. The numbers are the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Action {
    /// The job begins again, with a new deadline and all its tries.
    Replay = 1,
    /// The job ends without an answer, and what is secret of it is erased.
    Discard = 2,
}

/// What is kept of a job's callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    Erased,
    /// The whole body, encrypted: the job never left the quarantine.
    Sealed {
        proved: bool,
    },
    /// The form pairs of the properties.
    Properties,
}

/// What decides whether an action is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) payload: Payload,
    /// There is an answer in hand.
    pub(crate) answered: bool,
}

impl Action {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Replay, Self::Discard]
            .into_iter()
            .find(|action| *action as u8 == number)
    }

    /// The name in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }

    pub(crate) fn wire(self) -> wire::Action {
        match self {
            Self::Replay => wire::Action::Replay,
            Self::Discard => wire::Action::Discard,
        }
    }
}

impl Outcome {
    /// Whether a job may have ended so wrongly, while its workflow still waits: a portal that was only closed for a while, a
    /// workflow that did not go on by its time-out. What a replay needs is kept then.
    pub(crate) fn may_be_wrong(self) -> bool {
        matches!(self, Self::Expired | Self::PortalGone)
    }
}

impl Standing {
    /// The state that the action gives the job, or why it is not possible.
    pub(crate) fn after(self, action: Action) -> Result<State, &'static str> {
        match action {
            Action::Replay => self.replayed(),
            Action::Discard => self.discarded(),
        }
    }

    fn replayed(self) -> Result<State, &'static str> {
        match self.state {
            State::Quarantined => return Err("it is in quarantine, where it is looked at until it is proved"),
            State::Accepted | State::Deferred | State::AnsweredUnsent => return Err("it goes on by itself"),
            State::Done if !self.outcome.is_some_and(Outcome::may_be_wrong) => {
                return Err("it is over, and its values are erased");
            }
            State::Sent | State::Done | State::Parked => {}
        }
        match self.payload {
            Payload::Erased => Err("its values are erased"),
            Payload::Sealed { proved: false } => Err("its sender was never proved, and its body is sealed"),
            Payload::Sealed { proved: true } => Ok(State::Quarantined),
            Payload::Properties if self.answered => Ok(State::AnsweredUnsent),
            Payload::Properties => Ok(State::Accepted),
        }
    }

    fn discarded(self) -> Result<State, &'static str> {
        match self.state {
            State::Accepted | State::Deferred | State::AnsweredUnsent | State::Parked => Ok(State::Done),
            State::Quarantined => Err("it is in quarantine, which drops or parks it within the hour"),
            State::Sent | State::Done => Err("it is over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARKED: Standing = Standing {
        state: State::Parked,
        outcome: None,
        payload: Payload::Properties,
        answered: false,
    };

    fn possible(action: Action, standing: Standing) -> Option<State> {
        standing.after(action).ok()
    }

    #[test]
    fn a_replay_begins_where_the_job_can_go_on() {
        let answered = Standing {
            answered: true,
            ..PARKED
        };
        assert_eq!(possible(Action::Replay, PARKED), Some(State::Accepted));
        assert_eq!(possible(Action::Replay, answered), Some(State::AnsweredUnsent));
        for (payload, state) in [
            (Payload::Erased, None),
            (Payload::Sealed { proved: false }, None),
            (Payload::Sealed { proved: true }, Some(State::Quarantined)),
        ] {
            let standing = Standing { payload, ..PARKED };
            assert_eq!(possible(Action::Replay, standing), state, "{payload:?}");
        }
    }

    #[test]
    fn what_goes_on_by_itself_or_ended_well_is_not_replayed() {
        for state in State::ALL {
            let replayed = possible(Action::Replay, Standing { state, ..PARKED });
            assert_eq!(
                replayed.is_some(),
                matches!(state, State::Sent | State::Parked),
                "{state:?}"
            );
        }
        for outcome in Outcome::ALL {
            let done = Standing {
                state: State::Done,
                outcome: Some(outcome),
                ..PARKED
            };
            let wrong = matches!(outcome, Outcome::Expired | Outcome::PortalGone);
            assert_eq!(possible(Action::Replay, done).is_some(), wrong, "{outcome:?}");
        }
    }

    #[test]
    fn what_is_not_over_is_discarded_whatever_is_kept_of_it() {
        for state in State::ALL {
            let payload = Payload::Sealed { proved: false };
            let discarded = possible(
                Action::Discard,
                Standing {
                    state,
                    payload,
                    ..PARKED
                },
            );
            let over = matches!(state, State::Quarantined | State::Sent | State::Done);
            assert_eq!(discarded, (!over).then_some(State::Done), "{state:?}");
        }
    }

    #[test]
    fn numbers_stay() {
        for (number, action) in [(1, Action::Replay), (2, Action::Discard)] {
            assert_eq!(Action::from_number(number), Some(action));
        }
        assert_eq!(Action::from_number(3), None);
    }
}
