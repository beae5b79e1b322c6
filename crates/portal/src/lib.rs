//! A Bitrix24 portal for development and tests: it behaves as the server was measured to.
//!
//! One process emulates one authorisation server and any number of portals, each on a listener of its own.
//! It shares no logic with our client but the form decoder, so that a mistake cannot agree with itself.
//!
//! In layers; a module knows only those above it here, and in its own row those to its left:
//!
//! | module | what |
//! |---|---|
//! | `php`, `clock`, `random`, `names`, `time_block` | how PHP reads and writes values; time, chance and names of the emulator |
//! | `state` | one portal: users, apps, registered activities, workflows as they stand |
//! | `context` | a call of a REST method: who calls, how it ends |
//! | `workflow` | the machine: starts, runs, answers and times out workflows |
//! | `rest` | the REST methods, single and in a batch |
//! | `fault`, `oauth`, `world` | wrong answers for tests; clients and tokens; all portals behind one lock |
//! | `lifecycle`, `relay` | installs, updates and uninstalls apps; posts to handlers |
//! | `server` | HTTP and HTTPS: portals and the authorisation server |
//! | `hosting`, `others`, `control`, `emulator`, `cases` | portals come and go; others hit their workflows; the control API; start and stop; recorded cases of the real server |

pub mod cases;
pub mod clock;
pub mod context;
mod control;
mod emulator;
pub mod fault;
mod hosting;
pub mod lifecycle;
mod names;
pub mod oauth;
mod others;
pub mod php;
pub mod random;
pub mod relay;
pub mod rest;
mod server;
pub mod state;
pub mod time_block;
pub mod workflow;
pub mod world;

pub use emulator::{Options, Running, start};
pub use hosting::{NewPortal, PortalInfo};
pub use server::https::Https;
