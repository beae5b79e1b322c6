//! The harness of the end-to-end tests: the real binaries on ports of their own, beside an emulated portal.
//!
//! - [`Emulator`]: the portal and its control API.
//! - [`Calendar`]: an executor that only the tests have.
//! - [`Process`]: one of our programs, killed when dropped.
//! - [`Fleet`]: several gateways behind one address.
//! - [`Stack`]: gateway, registrar and hasher, as three processes or as `bizproc serve`, with the app installed.

mod calendar;
mod emulator;
mod fixtures;
mod fleet;
mod operator;
mod process;
mod stack;
mod store;

pub use calendar::Calendar;
pub use emulator::Emulator;
pub use fixtures::form;
pub use fleet::Fleet;
pub use harness::free_ports;
pub use operator::{jobs, settled};
pub use process::{Process, binary};
pub use stack::{APP, CLIENT_ID, CLIENT_SECRET, OPERATOR_TOKEN, SERVICE_TOKEN, Shape, Stack, finish};
