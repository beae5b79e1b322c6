//! The caller's deadline during long work.

use std::{sync::Arc, time::Duration};

use service::{SharedClock, grpc};
use tonic::{Request, Status};

use super::TURN;

/// Tells long work when to give way and when to give up.
pub(super) struct Deadline {
    clock: SharedClock,
    ends: Option<Duration>,
    since_turn: usize,
}

impl Deadline {
    pub(super) fn of<T>(request: &Request<T>, clock: &SharedClock) -> Self {
        let ends = grpc::deadline(request.metadata()).map(|limit| clock.monotonic().saturating_add(limit));
        Self {
            clock: Arc::clone(clock),
            ends,
            since_turn: 0,
        }
    }

    /// Accounts for `bytes` of work: after a turn's worth lets other calls run, and fails when the caller is gone.
    pub(super) async fn spent(&mut self, bytes: usize) -> Result<(), Status> {
        self.since_turn = self.since_turn.saturating_add(bytes);
        if self.since_turn < TURN {
            return Ok(());
        }
        self.since_turn = 0;
        if self.ends.is_some_and(|ends| self.clock.monotonic() >= ends) {
            return Err(Status::deadline_exceeded(
                "the deadline passed before all texts were hashed",
            ));
        }
        tokio::task::yield_now().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use service::{ManualClock, Timestamp};
    use tonic::Code;

    use super::*;

    fn request(timeout: &str) -> Request<()> {
        let mut request = Request::new(());
        request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        request
    }

    #[tokio::test]
    async fn work_ends_with_the_callers_patience() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let shared: SharedClock = clock.clone();
        let mut deadline = Deadline::of(&request("2S"), &shared);
        deadline.spent(TURN).await.unwrap();
        clock.advance(Duration::from_secs(2));
        deadline.spent(TURN - 1).await.unwrap();
        assert_eq!(deadline.spent(1).await.unwrap_err().code(), Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn work_without_a_deadline_goes_on() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let shared: SharedClock = clock.clone();
        let mut deadline = Deadline::of(&Request::new(()), &shared);
        clock.advance(Duration::from_hours(1));
        deadline.spent(TURN).await.unwrap();
    }
}
