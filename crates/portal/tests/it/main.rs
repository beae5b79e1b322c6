//! The emulator over real HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod branches;
mod faults;
mod forms;
mod harness;
mod hits;
mod lifecycle;
mod naive;
mod oauth;
mod readme;
mod rest;
mod seeded;
mod workflow;
