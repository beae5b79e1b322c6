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

#[cfg(test)]
mod tests {
    use super::of_file;
    use crate::wire::append;

    fn definition(name: &str, held: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut definition = Vec::new();
        append(&mut definition, 1, name.as_bytes());
        for (number, held) in held {
            append(&mut definition, *number, held);
        }
        definition
    }

    #[test]
    fn full_names_weigh() {
        let field = (2, definition("f", &[]));
        let inner = (3, definition("Inner", std::slice::from_ref(&field)));
        let outer = (4, definition("Outer", &[inner, field]));
        let mut file = definition("a.proto", &[outer]);
        append(&mut file, 2, b"pkg");
        let names = ["pkg.Outer", "pkg.Outer.Inner", "pkg.Outer.Inner.f", "pkg.Outer.f"];
        assert_eq!(of_file(&file), Some(names.iter().map(|name| 256 + name.len()).sum()));
    }

    #[test]
    fn what_is_no_name_and_what_is_cut_has_no_weight() {
        assert_eq!(of_file(&definition("a.proto", &[(4, definition("A.B", &[]))])), None);
        assert_eq!(
            of_file(&definition("a.proto", &[(4, definition("A", &[(2, vec![0x0a])]))])),
            Some(256 + ".A".len() + 256 + ".A.".len())
        );
        assert_eq!(of_file(&definition("a.proto", &[(4, vec![0x0a, 9])])), None);
        let mut file = definition("a.proto", &[]);
        append(&mut file, 2, "p.".repeat(200).as_bytes());
        assert_eq!(of_file(&file), None);
    }
}
