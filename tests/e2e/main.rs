//! End to end: the real binaries, real HTTP, real gRPC, real SQLite, beside an emulated portal.

mod answering;
mod bad_input;
mod captured;
mod crash;
mod dates;
mod disk;
mod lifecycle;
mod lock;
mod main_job;
mod restart;
mod strangers;
