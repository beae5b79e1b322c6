//! The Bitrix24 portal's protocol, and nothing else: no service, store or clock of ours is in here.
//!
//! - [`form`]: form bodies by PHP's rules, [`post`]: what a portal posts to us (callbacks, events, frames).
//! - [`rest`]: calls to a portal, its replies and errors with a retry decision each, batches.
//! - [`oauth`]: the authorisation server: who a token belongs to, new tokens for old.
//! - [`handler`]: which handler URLs a portal accepts.
//!
//! Tokens are [`Secret`]s or [`post::EventToken`]s: `Debug` doesn't show them, and no error repeats one.

#[cfg(test)]
mod fixtures;
pub mod form;
pub mod handler;
pub mod oauth;
#[cfg(test)]
mod peer;
pub mod post;
pub mod rest;
mod secret;

pub use secret::Secret;
