//! What portals and browsers reach.

mod accept;
mod arrival;
mod body;
mod event;
mod frame;
mod gate;
mod page;
mod receive;
mod refusal;
mod router;
mod server;
mod source;

pub(crate) use self::{body::Buffers, gate::Gate, router::router, server::Server};
