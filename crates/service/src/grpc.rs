//! gRPC, server and client.

mod balance;
mod bearer;
mod calls;
mod channel;
mod code;
mod deadline;
mod observe;
mod propagate;
mod server;
mod streams;
mod tls;

pub use balance::{Balanced, Picked, Unresolved};
pub use bearer::{Bearer, with_token};
pub use channel::{ChannelError, Connection, channel};
pub use code::code_name;
pub use deadline::deadline;
pub use observe::context;
pub use propagate::propagate;
pub use server::Server;
pub use tls::Tls;
