//! Placements of the activities' settings dialogs: one for each CODE, unique over all apps.

use serde_json::Value;

use crate::{
    context::Failure,
    php::text::{cut, same_in_collation},
    state::registry::{PlacementRow, Registry},
};

/// The one placement that activities use.
const DIALOG: &str = "BIZPROC_ACTIVITY_PROPERTIES_DIALOG";
/// Width of the handler's column, characters: more is cut silently.
const HANDLER_WIDTH: usize = 255;
/// So many characters of the handler take part in the table's unique key, with app and placement.
const KEY_WIDTH: usize = 200;

/// Binds the dialog of `code`, or moves it to another URL if this app has bound it before.
///
/// A new row is refused when any row has the same `CODE`, or this app the same URL; a moved row only by the table's unique key.
pub(super) fn bind(
    registry: &mut Registry,
    client_id: &str,
    app_row: u64,
    code: &str,
    handler: &Value,
) -> Result<(), Failure> {
    let handler = crate::php::cast::to_text(handler);
    let known = registry.placements.iter().position(|row| is_of(row, app_row, code));
    let cut_handler = cut(&handler, HANDLER_WIDTH);
    if known.is_none() {
        let bound = registry.placements.iter().any(|row| {
            same_in_collation(&row.additional, code)
                || (row.app_row == app_row && row.placement == DIALOG && same_in_collation(&row.handler, &handler))
        });
        if bound {
            return Err(refused("Handler already binded"));
        }
    }
    let key = cut(cut_handler, KEY_WIDTH);
    let taken = registry.placements.iter().enumerate().any(|(index, row)| {
        Some(index) != known
            && row.app_row == app_row
            && row.placement == DIALOG
            && same_in_collation(cut(&row.handler, KEY_WIDTH), key)
    });
    if taken {
        return Err(refused("You should use unique placement handler for each CODE!"));
    }
    match known {
        Some(index) => cut_handler.clone_into(&mut registry.placements[index].handler),
        None => registry.placements.push(PlacementRow {
            app_id: client_id.to_owned(),
            app_row,
            placement: DIALOG.to_owned(),
            additional: code.to_owned(),
            handler: cut_handler.to_owned(),
        }),
    }
    Ok(())
}

/// Removes the app's dialog of `code`, if there is one.
pub(super) fn remove(registry: &mut Registry, app_row: u64, code: &str) {
    registry.placements.retain(|row| !is_of(row, app_row, code));
}

fn is_of(row: &PlacementRow, app_row: u64, code: &str) -> bool {
    row.app_row == app_row && row.placement == DIALOG && same_in_collation(&row.additional, code)
}

fn refused(reason: &str) -> Failure {
    Failure::bad("ERROR_CORE", format!("Unable to set placement handler: {reason}"))
}
