//! When others hit a portal's workflows: as often as its settings say.

use std::time::Duration;

use crate::{workflow::others, world::Shared};

/// Begins, if the settings ask for it and it has not begun.
pub(crate) fn begin(shared: &Shared, name: &str) {
    let begins = shared.change_portal(name, |hosted| {
        let begins = !hosted.others && hosted.portal.settings.others.every_ms > 0;
        hosted.others |= begins;
        begins
    });
    if begins == Some(true) {
        shared.tasks().spawn(run(shared.clone(), name.to_owned()));
    }
}

/// Until the settings ask for it no longer.
async fn run(shared: Shared, name: String) {
    loop {
        let settings = shared.change_portal(&name, |hosted| {
            let settings = hosted.portal.settings.others;
            hosted.others = settings.every_ms > 0;
            hosted.others.then_some(settings)
        });
        let Some(settings) = settings.flatten() else {
            return;
        };
        if !pause(&shared, settings.every_ms).await {
            return;
        }
        let Some((owner, ids)) = shared.change_portal(&name, |hosted| others::take(&mut hosted.portal)) else {
            return;
        };
        if !pause(&shared, settings.hold_ms).await {
            return;
        }
        shared.change_portal(&name, |hosted| others::save(&mut hosted.portal, &owner, &ids));
    }
}

/// False when the emulator stops meanwhile.
async fn pause(shared: &Shared, milliseconds: u64) -> bool {
    tokio::select! {
        () = shared.stopping().cancelled() => false,
        () = tokio::time::sleep(Duration::from_millis(milliseconds)) => true,
    }
}
