//! The vendor's authorisation servers: what a token stands for, and new tokens for old.
//!
//! A token or secret goes only to a [`Server`], and a `Server` comes only out of the configured [`Servers`]: what a
//! request calls `server_endpoint` is looked up there, never used.

mod app_info;
mod server;
mod tokens;

pub use app_info::{AppInfo, Install, app_info};
pub use server::{Server, ServerError, Servers};
pub use tokens::{Tokens, refresh};

#[cfg(test)]
mod tests;
