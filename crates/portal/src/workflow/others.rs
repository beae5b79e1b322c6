//! Hits of others: people, robots and agents that take a workflow's lock for a while and save it, with no answer for us.

use super::{answer, run, unique_id};
use crate::state::Portal;

/// Takes the locks of some of the workflows that nobody is in, in order of their ids, and gives the hit that holds them.
pub fn take(portal: &mut Portal) -> (String, Vec<String>) {
    let owner = unique_id(&portal.clock);
    let percent = portal.settings.others.percent;
    let free = portal.instances.values().filter(|row| row.owner_id.is_none());
    let ids: Vec<String> = free.map(|row| row.id.clone()).collect();
    let taken = ids
        .into_iter()
        .filter(|id| portal.chance.hits(percent) && answer::lock(portal, id, &owner).is_ok())
        .collect();
    (owner, taken)
}

/// Saves what the hit still holds, which frees the locks.
pub fn save(portal: &mut Portal, owner: &str, ids: &[String]) {
    for id in ids {
        let held = portal
            .instances
            .get(id)
            .is_some_and(|row| row.owner_id.as_deref() == Some(owner));
        if held && let Some(workflow) = portal.workflows.remove(id) {
            portal.counters.saves_by_others += 1;
            run::save(portal, workflow);
        }
    }
}
