//! Protobuf as it lies on the wire: fields one after the other, walked over without copying.

use std::fmt;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) wire: Wire,
    /// What a length-delimited field holds; `None` for a number.
    pub(super) data: Option<&'a [u8]>,
    /// The field with its tag and length, as it was written.
    pub(super) raw: &'a [u8],
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    /// Text, bytes or a message.
    Data,
    Fixed32,
}

/// Why bytes are no message, with the position within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(usize);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no protobuf message from byte {} on", self.0)
    }
}

/// The fields of a message, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    whole: &'a [u8],
    at: usize,
}

pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields {
        whole: message,
        at: 0,
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.whole.len() {
            return None;
        }
        let begin = self.at;
        let field = self.field(begin);
        if field.is_none() {
            self.at = self.whole.len();
        }
        Some(field.ok_or(Malformed(begin)))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self, begin: usize) -> Option<Field<'a>> {
        // Readers take a tag of 32 bits and no more.
        let tag = u32::try_from(self.varint()?).ok()?;
        let number = Some(tag >> 3).filter(|number| *number > 0)?;
        let mut data = None;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Data,
            5 => Wire::Fixed32,
            // Groups: proto3, and so OTLP, has none.
            _ => return None,
        };
        match wire {
            Wire::Varint => {
                self.varint()?;
            }
            Wire::Fixed64 => self.skip(8)?,
            Wire::Fixed32 => self.skip(4)?,
            Wire::Data => {
                let length = usize::try_from(self.varint()?).ok()?;
                let from = self.at;
                self.skip(length)?;
                data = Some(&self.whole[from..self.at]);
            }
        }
        let raw = &self.whole[begin..self.at];
        Some(Field {
            number,
            wire,
            data,
            raw,
        })
    }

    /// Of 64 bits: the tenth byte holds the last of them.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.whole.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return (shift < 63 || byte < 2).then_some(value);
            }
        }
        None
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        let end = self.at.checked_add(length)?;
        if end > self.whole.len() {
            return None;
        }
        self.at = end;
        Some(())
    }
}

/// Writes a length-delimited field.
pub(super) fn put(out: &mut Vec<u8>, number: u32, data: &[u8]) {
    put_varint(out, (u64::from(number) << 3) | 2);
    put_varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// At most so many bytes stand before the data of a field.
pub(super) const FIELD_HEAD_BYTES_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_walked_over_in_order() {
        let mut message = vec![0x08, 0x96, 0x01];
        put(&mut message, 2, b"text");
        message.extend([0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4]);
        put(&mut message, 1000, &[7; 300]);
        let found: Vec<Field<'_>> = fields(&message).map(|field| field.expect("good")).collect();
        let numbers: Vec<u32> = found.iter().map(|field| field.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 1000]);
        assert_eq!(found[1].data, Some(&b"text"[..]));
        assert_eq!(found[4].data, Some(&[7; 300][..]));
        let raw: Vec<u8> = found.iter().flat_map(|field| field.raw.to_vec()).collect();
        assert_eq!(raw, message);
    }

    #[test]
    fn what_is_no_message_is_told_with_its_place() {
        for (message, at) in [
            (&[0x0A, 0x05, b'a'][..], 0),
            (&[0x08, 0x01, 0x0A][..], 2),
            // Field number 0, a group, a varint without an end, a length past all memory.
            (&[0x02, 0x00][..], 0),
            (&[0x0B][..], 0),
            (&[0xFF; 20][..], 0),
            (
                &[
                    0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01,
                ][..],
                0,
            ),
            // A varint of more than 64 bits, a tag of more than 32.
            (
                &[
                    0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02,
                ][..],
                0,
            ),
            (&[0x88, 0x80, 0x80, 0x80, 0x10, 0x01][..], 0),
        ] {
            let error = fields(message).find_map(Result::err);
            assert_eq!(error, Some(Malformed(at)), "{message:?}");
            assert!(fields(message).count() <= 2);
        }
    }
}
