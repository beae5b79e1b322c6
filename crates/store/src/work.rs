//! Who works on what is stored.

use std::future::pending;

use crate::postgres::Lease;

/// This process's part in the work on what is stored.
#[derive(Debug, Clone)]
pub enum Work {
    /// The store is its own.
    Alone,
    /// Of several processes, one has the lease.
    Leased(Lease),
}

impl Work {
    /// Returns when the work is this process's.
    pub async fn taken(&self) {
        if let Self::Leased(lease) = self {
            lease.taken().await;
        }
    }

    /// Returns when another process has taken it over, or it was [given back](Self::release).
    pub async fn lost(&self) {
        match self {
            Self::Alone => pending().await,
            Self::Leased(lease) => lease.lost().await,
        }
    }

    /// Whether it is this process's now.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Leased(lease) => lease.is_held(),
        }
    }

    /// Returns when it is this process's now; never when it was lost.
    pub async fn ours(&self) {
        if let Self::Leased(lease) = self {
            lease.held().await;
        }
    }

    /// Returns when another process has stored something to be worked on.
    pub async fn woken(&self) {
        match self {
            Self::Alone => pending().await,
            Self::Leased(lease) => lease.woken().await,
        }
    }

    /// Gives it back.
    pub async fn release(&self) {
        if let Self::Leased(lease) = self {
            lease.release().await;
        }
    }
}
