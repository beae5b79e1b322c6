//! Executors: gRPC servers that do the work of activities, and what their failures mean.

mod call;
mod codec;
mod metadata;
mod pool;
mod verdict;
mod wire;

pub(crate) use self::{
    call::{Call, Called},
    pool::Executors,
    verdict::{Failure, Kind},
};

#[cfg(test)]
mod tests;
