//! A Bitrix24 portal for development and tests: it behaves as the server was measured to.
//!
//! One process emulates one authorisation server and any number of portals, each on a listener of its own.
//! It shares no logic with our client but the form decoder, so that a mistake cannot agree with itself.

pub mod app;
pub mod cases;
pub mod clock;
pub mod context;
mod control;
pub mod counters;
mod emulator;
pub mod fault;
mod http;
mod https;
pub mod lifecycle;
pub mod limiter;
pub mod methods;
pub mod oauth;
pub mod php;
pub mod posted;
pub mod random;
pub mod received;
pub mod registry;
pub mod relay;
pub mod rest;
pub mod state;
pub mod time_block;
pub mod workflow;
pub mod world;

pub use emulator::{NewPortal, Options, PortalInfo, Running, start};
pub use https::Https;
