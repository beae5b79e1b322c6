//! The annotations, read from options by their numbers.
//!
//! Executors in any language compile their own copy of the annotations, older or newer than ours, under any path; some are
//! read through reflection, which may leave that file out. So an option is taken from the encoded descriptor by its fixed
//! number and decoded as our own message.

use prost::Message;

use crate::wire;

/// Where options of a kind of definition are, and the annotation in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Field of the definition's descriptor that holds the options.
    options: u64,
    /// Number of the extension.
    extension: u64,
    name: &'static str,
}

/// `bizproc.v1.activity` of a method.
pub(crate) const METHOD: Place = Place {
    options: 4,
    extension: 50771,
    name: "bizproc.v1.activity",
};
/// `bizproc.v1.property` of a field.
pub(crate) const FIELD: Place = Place {
    options: 8,
    extension: 50772,
    name: "bizproc.v1.property",
};
/// `bizproc.v1.option` of an enum value.
pub(crate) const ENUM_VALUE: Place = Place {
    options: 3,
    extension: 50773,
    name: "bizproc.v1.option",
};

/// Whether a definition has the annotation, in whatever form.
pub(crate) fn is_set(definition: &[u8], place: Place) -> bool {
    wire::all(definition, place.options)
        .flat_map(wire::records)
        .any(|record| record.is_ok_and(|record| record.number == place.extension))
}

/// The annotation of a definition, given as its encoded descriptor.
///
/// # Errors
/// When the option with that number is something else: a text for people.
pub(crate) fn read<T: Message + Default>(definition: &[u8], place: Place) -> Result<Option<T>, String> {
    if !is_set(definition, place) {
        return Ok(None);
    }
    let mut message = T::default();
    let records = wire::all(definition, place.options).flat_map(wire::records);
    for record in records {
        let record = record.map_err(|wire::Malformed| "has damaged options".to_owned())?;
        if record.number != place.extension {
            continue;
        }
        // Records of one message add up: protobuf's rule for a message that is written in pieces.
        let merged = record
            .bytes(place.extension)
            .is_some_and(|bytes| message.merge(bytes).is_ok());
        if !merged {
            return Err(format!(
                "option {} is not {}: that number belongs to the annotations of activities; renumber the other option",
                place.extension, place.name
            ));
        }
    }
    Ok(Some(message))
}

/// The encoded descriptor at a path of field numbers and indices, as reflection names definitions.
pub(crate) fn descend<'a>(file: &'a [u8], path: &[i32]) -> Option<&'a [u8]> {
    path.chunks_exact(2).try_fold(file, |descriptor, step| {
        let (number, index) = (u64::try_from(step[0]).ok()?, usize::try_from(step[1]).ok()?);
        wire::all(descriptor, number).nth(index)
    })
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use proto::bizproc::v1::Activity;

    use super::{METHOD, read};
    use crate::wire::append;

    /// A method's descriptor with options in pieces.
    fn method(pieces: &[Activity]) -> Vec<u8> {
        let mut method = Vec::new();
        for piece in pieces {
            let mut options = vec![0x88, 0x02, 0x00]; // idempotency_level, which is none of ours
            append(&mut options, 50771, &piece.encode_to_vec());
            append(&mut method, 4, &options);
        }
        method
    }

    #[test]
    fn an_option_in_pieces_is_one() {
        let pieces = [
            Activity {
                code: "md5".to_owned(),
                wait: 1,
                ..Activity::default()
            },
            Activity {
                robot_code: "md5_robot".to_owned(),
                wait: 2,
                ..Activity::default()
            },
        ];
        let whole = Activity {
            code: "md5".to_owned(),
            robot_code: "md5_robot".to_owned(),
            wait: 2,
            ..Activity::default()
        };
        assert_eq!(read(&method(&pieces), METHOD), Ok(Some(whole)));
    }

    #[test]
    fn a_method_without_the_option_has_none() {
        assert_eq!(read::<Activity>(&[], METHOD), Ok(None));
        assert_eq!(read::<Activity>(&[0x22, 0x03, 0x88, 0x02, 0x00], METHOD), Ok(None));
    }
}
