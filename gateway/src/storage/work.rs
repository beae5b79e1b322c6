//! Who works on what is stored: calls executors, sends answers, keeps things in order. Everybody else takes callbacks, and stores them
//! for the one who does.

use std::future::pending;

use store::postgres::Lease;

/// This process's part in the work.
#[derive(Clone)]
pub(crate) enum Work {
    /// The store is its own.
    Alone,
    /// Of several processes, one has the lease.
    Leased(Lease),
}

impl Work {
    /// Returns when the work is this process's.
    pub(crate) async fn taken(&self) {
        if let Self::Leased(lease) = self {
            lease.taken().await;
        }
    }

    /// Returns when another process has taken it over, or it was [given back](Self::release).
    pub(crate) async fn lost(&self) {
        match self {
            Self::Alone => pending().await,
            Self::Leased(lease) => lease.lost().await,
        }
    }

    /// Whether it is this process's now.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Leased(lease) => lease.is_held(),
        }
    }

    /// Returns when it is this process's now; never when it was lost.
    pub(crate) async fn ours(&self) {
        if let Self::Leased(lease) = self {
            lease.held().await;
        }
    }

    /// Returns when another process has stored something to be worked on.
    pub(crate) async fn woken(&self) {
        match self {
            Self::Alone => pending().await,
            Self::Leased(lease) => lease.woken().await,
        }
    }

    /// Gives it back.
    pub(crate) async fn release(&self) {
        if let Self::Leased(lease) = self {
            lease.release().await;
        }
    }
}
