//! Time-outs of waiting steps.

use std::collections::VecDeque;

use super::{answer, run, unique_id};
use crate::state::{
    Portal,
    workflow::{Closed, Kind, StepState},
};

/// A time-out that meets a held lock is tried again a minute later.
const AGAIN_AFTER: i64 = 60_000_000;

/// Microseconds until the next time-out is due.
pub fn next(portal: &Portal) -> Option<i64> {
    let (deadline, ..) = portal.timeouts.keys().next()?;
    Some(deadline - portal.clock.micros())
}

/// Fires every time-out that is due.
pub fn fire(portal: &mut Portal) {
    let now = portal.clock.micros();
    while let Some(entry) = portal.timeouts.first_entry().filter(|entry| entry.key().0 <= now) {
        let ((_, id, name), event_id) = entry.remove_entry();
        match answer::lock(portal, &id, &unique_id(&portal.clock)) {
            Ok(()) => fire_one(portal, &id, &name, &event_id),
            Err(answer::NotResumed::Locked) => {
                portal.timeouts.insert((now + AGAIN_AFTER, id, name), event_id);
            }
            Err(_) => {}
        }
    }
}

fn fire_one(portal: &mut Portal, id: &str, name: &str, event_id: &str) {
    let Some(mut workflow) = portal.workflows.remove(id) else {
        return;
    };
    let index = workflow
        .by_name
        .get(name)
        .copied()
        .filter(|index| match &mut workflow.nodes[*index].kind {
            Kind::Activity(step) => match &step.state {
                StepState::Waiting { event_id: expected, .. } if expected == event_id => {
                    step.outputs.insert("IsTimeout".into(), 1.into());
                    true
                }
                StepState::Waiting { .. } | StepState::Pending | StepState::Closed { .. } => false,
            },
            Kind::Sequence { .. } | Kind::Parallel { .. } => false,
        });
    if let Some(index) = index {
        portal.counters.steps_timed_out += 1;
        let task = run::close(portal, &mut workflow, index, Closed::Timeout);
        run::advance(portal, &mut workflow, VecDeque::from([task]));
    }
    run::save(portal, workflow);
}
