//! Executors: gRPC servers that do the work of activities, and what their failures mean.

mod call;
mod codec;
mod gate;
mod metadata;
mod oversize;
mod pool;
mod verdict;
mod wire;

pub(crate) use self::{
    call::{Call, Called},
    gate::{Pass, Shown},
    pool::{Executor, Executors},
    verdict::{Failure, Kind},
};

#[cfg(test)]
mod tests;
