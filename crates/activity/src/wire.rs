//! The protobuf wire format, as far as it takes to walk through descriptors without losing a byte of their options.
//!
//! Generated descriptor types drop extensions, and reflection gives them by whatever an executor's own copy of the
//! annotations says; so options are found here by number.

/// A record of a message: tag and payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) number: u64,
    pub(crate) payload: Payload<'a>,
    /// The whole record, tag included.
    pub(crate) raw: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-size number or a group.
    Other,
}

/// The bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Record<'a> {
    /// The payload of a length-delimited record with this number.
    pub(crate) fn bytes(&self, number: u64) -> Option<&'a [u8]> {
        match self.payload {
            Payload::Bytes(bytes) if self.number == number => Some(bytes),
            _ => None,
        }
    }
}

/// The records of a message, in order. After an error the iterator ends.
pub(crate) fn records(message: &[u8]) -> impl Iterator<Item = Result<Record<'_>, Malformed>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = record(&mut rest);
        if record.is_err() {
            rest = &[];
        }
        Some(record)
    })
}

/// The payloads of all length-delimited records with a number, up to the first malformed record.
pub(crate) fn all(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    records(message)
        .map_while(Result::ok)
        .filter_map(move |record| record.bytes(number))
}

/// Appends a length-delimited record.
pub(crate) fn append(message: &mut Vec<u8>, number: u32, payload: &[u8]) {
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, message);
    prost::encoding::encode_varint(payload.len() as u64, message);
    message.extend_from_slice(payload);
}

fn record<'a>(rest: &mut &'a [u8]) -> Result<Record<'a>, Malformed> {
    let start = *rest;
    let tag = varint(rest)?;
    let payload = match tag & 7 {
        0 => Payload::Varint(varint(rest)?),
        1 => skip(rest, 8)?,
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
            let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed)?;
            *rest = after;
            Payload::Bytes(bytes)
        }
        3 => group(rest)?,
        5 => skip(rest, 4)?,
        _ => return Err(Malformed),
    };
    Ok(Record {
        number: tag >> 3,
        payload,
        raw: &start[..start.len() - rest.len()],
    })
}

fn skip<'a>(rest: &mut &[u8], length: usize) -> Result<Payload<'a>, Malformed> {
    *rest = rest.get(length..).ok_or(Malformed)?;
    Ok(Payload::Other)
}

/// Skips to the end of a group, which may hold groups.
fn group<'a>(rest: &mut &[u8]) -> Result<Payload<'a>, Malformed> {
    let mut depth = 1_usize;
    while depth > 0 {
        match varint(rest)? & 7 {
            0 => drop(varint(rest)?),
            1 => drop(skip(rest, 8)?),
            2 => {
                let length = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
                skip(rest, length)?;
            }
            3 => depth += 1,
            4 => depth -= 1,
            5 => drop(skip(rest, 4)?),
            _ => return Err(Malformed),
        }
    }
    Ok(Payload::Other)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    prost::encoding::decode_varint(rest).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Payload, append, records};

    #[test]
    fn records_of_every_wire_type() {
        let mut message = vec![0x08, 0x96, 0x01]; // 1: 150
        message.extend([0x11, 1, 2, 3, 4, 5, 6, 7, 8]); // 2: fixed64
        append(&mut message, 3, b"text");
        message.extend([0x23, 0x2b, 0x2c, 0x0a, 0x01, 0xff, 0x24]); // 4: a group that holds a group and a text
        message.extend([0x35, 1, 2, 3, 4]); // 6: fixed32
        let records: Vec<_> = records(&message).map(Result::unwrap).collect();
        let numbers: Vec<_> = records.iter().map(|record| record.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 6]);
        assert!(matches!(records[0].payload, Payload::Varint(150)));
        assert_eq!(records[2].bytes(3), Some(&b"text"[..]));
        assert_eq!(records[2].bytes(4), None);
        assert_eq!(
            records
                .iter()
                .flat_map(|record| record.raw)
                .copied()
                .collect::<Vec<_>>(),
            message
        );
    }

    #[test]
    fn cut_and_impossible_records_are_errors() {
        for bytes in [
            &[0x08][..],
            &[0x0a, 0x05, 1],
            &[0x11, 1],
            &[0x23, 0x08],
            &[0x24],
            &[0x0f],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(records(bytes).last().unwrap().unwrap_err(), Malformed, "{bytes:?}");
        }
    }
}
