//! The lines of an envelope: a header, then items of a header line and a payload each.

use super::{EnvelopeError, ITEMS_MAX, text};
use crate::{json, text::prefix};
use serde_json::{Map, Value};

/// Longest item kind that is repeated in counters and errors; real ones are short words.
const KIND_BYTES_MAX: usize = 64;

pub(super) struct Item<'a> {
    /// Position in the envelope, from 0.
    pub(super) index: usize,
    pub(super) kind: String,
    pub(super) payload: &'a [u8],
}

/// Cuts an envelope into its header and items without looking into the payloads.
pub(super) fn split(bytes: &[u8]) -> Result<(Map<String, Value>, Vec<Item<'_>>), EnvelopeError> {
    if bytes.trim_ascii().is_empty() {
        return Err(EnvelopeError::Empty);
    }
    let (header, mut rest) = line(bytes);
    let header = object_of(header).map_err(EnvelopeError::Header)?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item_header, after) = line(rest);
        if item_header.trim_ascii().is_empty() {
            rest = after;
            continue;
        }
        if items.len() == ITEMS_MAX {
            return Err(EnvelopeError::TooManyItems);
        }
        let (item, after) = item(items.len(), item_header, after)?;
        items.push(item);
        rest = after;
    }
    Ok((header, items))
}

fn item<'a>(
    index: usize,
    header: &[u8],
    rest: &'a [u8],
) -> Result<(Item<'a>, &'a [u8]), EnvelopeError> {
    let header = object_of(header).map_err(|reason| EnvelopeError::ItemHeader { index, reason })?;
    let kind = prefix(text(&header, "type").unwrap_or("unknown"), KIND_BYTES_MAX).to_owned();
    let promised = header.get("length").and_then(Value::as_u64);
    let Some(promised) = promised else {
        // JavaScript SDKs give no length: the payload is one line.
        let (payload, rest) = line(rest);
        return Ok((
            Item {
                index,
                kind,
                payload,
            },
            rest,
        ));
    };
    let promised = usize::try_from(promised).unwrap_or(usize::MAX);
    let Some((payload, rest)) = rest.split_at_checked(promised) else {
        let left = rest.len();
        return Err(EnvelopeError::TooShort {
            index,
            kind,
            promised,
            left,
        });
    };
    let rest = match rest {
        [] => rest,
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
        _ => {
            return Err(EnvelopeError::WrongLength {
                index,
                kind,
                promised,
            });
        }
    };
    Ok((
        Item {
            index,
            kind,
            payload,
        },
        rest,
    ))
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn object_of(line: &[u8]) -> Result<Map<String, Value>, String> {
    match json::document(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is another JSON value".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
