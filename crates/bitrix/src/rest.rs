//! Calls to a portal's REST interface.
//!
//! [`Client`] sends and [`decode_reply`] understands; the latter is pure, for senders with an HTTP client of their own.
//! Every failure is a [`CallError`] whose [`ErrorKind`] says what happened and whose [`Retry`] what to do about it.

mod batch;
mod batch_reply;
mod batch_safe;
mod body;
mod client;
mod command;
mod error;
mod kind;
mod methods;
mod reply;

pub use batch::{BATCH_LIMIT, batch_body};
pub use batch_reply::{BatchReply, decode_batch};
pub use client::{Client, MAX_REPLY_BYTES, client_builder, method_url};
pub use command::Command;
pub use error::CallError;
pub use kind::{ErrorKind, Retry};
pub use methods::{Profile, codes};
pub use reply::{Reply, Time, check_reply, decode_reply};

pub(crate) use client::host;
pub(crate) use reply::{decode_object, flag, int, text};

#[cfg(test)]
mod tests;
