//! Methods outside of the registry, batch and list of instances.

use crate::{
    context::{Context, Outcome, Params},
    state::Portal,
};

/// Calls a method by its lower-case name; `None` = not one of these.
pub fn call(_portal: &mut Portal, _context: &mut Context, _method: &str, _params: &Params) -> Option<Outcome> {
    None
}
