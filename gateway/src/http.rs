//! What portals and browsers reach.

mod accept;
mod body;
mod event;
mod frame;
mod page;
mod receive;
mod refusal;
mod router;
pub(crate) mod routes;
mod server;
mod source;

pub(crate) use self::{
    body::Buffers,
    router::{Gate, router},
    server::Server,
};
