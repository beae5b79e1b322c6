//! Keeping every portal's activities registered: a level-triggered reconciler.

mod desired;
mod pass;
mod plan;
mod reconciler;
mod scheduler;
mod session;

pub(crate) use self::{
    reconciler::{Reconciler, Report},
    scheduler::Scheduler,
};
