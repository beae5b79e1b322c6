//! How much memory and time the reflection library would take for a file, before it is given to it.
//!
//! It keeps each definition's full name and about a kilobyte more, though an empty definition is two bytes on the wire; and
//! it looks up a type in all parents of the place where the type is used.

use crate::wire::{self, Payload};

/// Weight of all files together that is still read: about 40,000 definitions.
pub(crate) const LIMIT: usize = 16 << 20;

/// Weight of one definition, but for its name.
const DEFINITION: usize = 256;
/// Depth of nested definitions, prost's own limit.
const DEPTH: usize = 100;
/// Length of a package's name.
const PACKAGE: usize = 255;

// Field numbers of descriptor.proto.
const NAME: u64 = 1;
const FILE_PACKAGE: u64 = 2;

/// Definitions that hold others.
#[derive(Clone, Copy)]
enum Holder {
    File,
    Message,
    Enum,
    Service,
}

/// Weight of the definitions of an encoded file descriptor; nothing when it is malformed.
pub(crate) fn of_file(file: &[u8]) -> Option<usize> {
    let package = wire::all(file, FILE_PACKAGE).last().unwrap_or_default();
    if package.len() > PACKAGE {
        None
    } else {
        of_held(file, Holder::File, package.len(), 0)
    }
}

/// Weight of what a definition holds. `scope` is the length of its full name.
fn of_held(definition: &[u8], holder: Holder, scope: usize, depth: usize) -> Option<usize> {
    if depth > DEPTH {
        return None;
    }
    let mut sum = 0_usize;
    for record in wire::records(definition) {
        let record = record.ok()?;
        let Payload::Bytes(held) = record.payload else { continue };
        let holds = match (holder, record.number) {
            (Holder::File, 4) | (Holder::Message, 3) => Some(Holder::Message),
            (Holder::File, 5) | (Holder::Message, 4) => Some(Holder::Enum),
            (Holder::File, 6) => Some(Holder::Service),
            (Holder::File, 7) | (Holder::Message, 2 | 6 | 8) | (Holder::Enum | Holder::Service, 2) => None,
            _ => continue,
        };
        let name = wire::all(held, NAME).last().unwrap_or_default();
        // A name with dots would be many parents at once.
        if name.contains(&b'.') {
            return None;
        }
        let full_name = scope + 1 + name.len();
        let inner = holds.map_or(Some(0), |holder| of_held(held, holder, full_name, depth + 1))?;
        sum = sum
            .saturating_add(DEFINITION)
            .saturating_add(full_name)
            .saturating_add(inner);
    }
    Some(sum)
}
