//! The gateway as a whole, between a registrar, a portal and an executor that do as they are told.
#![expect(clippy::unwrap_used, reason = "tests")]

mod executor;
mod harness;
mod portal;
mod registrar;

mod answers;
mod arrival;
mod events;
mod failures;
mod http;
mod jobs;
mod page;
mod quarantine;
mod replay;
mod restart;
mod revival;
mod strangers;
mod unhealed;
