//! gRPC, server and client.

mod bearer;
mod channel;
mod deadline;
mod server;
mod spans;

pub use bearer::{Bearer, with_token};
pub use channel::{ChannelError, Connection, channel};
pub use deadline::deadline;
pub use server::Server;
pub use spans::context;
