//! The registrar as a whole, against a small portal and OAuth server that can misbehave.
#![expect(clippy::unwrap_used, reason = "tests")]

mod callbacks;
mod definitions;
mod emulated;
mod events;
mod fake;
mod guard;
mod harness;
mod install;
mod questions;
mod reconcile;
mod storage;
mod sync;
mod tokens;
mod traces;
