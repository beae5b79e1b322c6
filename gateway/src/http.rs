//! What portals and browsers reach.

mod accept;
mod arrival;
mod body;
mod connection;
mod event;
mod frame;
mod gate;
mod page;
mod receive;
mod refusal;
mod requests;
mod router;
mod seats;
mod server;
mod source;

pub(crate) use self::{body::Buffers, gate::Gate, requests::Requests, router::router, server::Server};
