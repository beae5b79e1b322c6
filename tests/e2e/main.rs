//! End to end: the real binaries, real HTTP, real gRPC, real SQLite, beside an emulated portal.

mod answering;
mod bad_input;
mod captured;
mod closed;
mod crash;
mod dates;
mod disk;
mod fairness;
mod fleet;
mod lifecycle;
mod limits;
mod lock;
mod main_job;
mod odd_replies;
mod restart;
mod strangers;
mod waiting;
