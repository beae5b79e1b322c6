//! What a portal posts to us, told apart by its shape: activity callbacks, lifecycle events and frame POSTs.
//!
//! The URL that a body arrived at says nothing: install and event bodies are seen at each other's address. Nothing
//! in here is proved; every field is a stranger's claim until an application token or the OAuth server confirms it.

mod auth;
mod callback;
mod classify;
mod error;
mod event;
mod event_token;
mod field;
mod frame;

pub use auth::Auth;
pub use callback::Callback;
pub use classify::{Post, classify};
pub use error::PostError;
pub use event::Event;
pub use event_token::EventToken;
pub use frame::Frame;

#[cfg(test)]
mod tests;
