//! OTLP's typed values in protobuf, unfolded into JSON one level at a time and within the bounds.

use super::batch;
use super::wire::{self, any_value::Kind};
use super::{ATTRIBUTE_DEPTH_MAX, ATTRIBUTES_MAX};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::json::TOO_DEEP;
use domain::raw::Attributes;
use prost::Message as _;
use serde_json::Value;

/// Attributes by key, and how many had to be left out. Of a repeated key the last value counts, as in the SDKs.
pub(super) fn attributes(encoded: Vec<Bytes>) -> Result<(Attributes, u32), String> {
    let surplus = encoded.len().saturating_sub(ATTRIBUTES_MAX);
    let mut attributes = Attributes::new();
    for pair in encoded.into_iter().take(ATTRIBUTES_MAX) {
        let (key, value) = key_value(pair, 0)?;
        attributes.insert(key, value);
    }
    Ok((attributes, u32::try_from(surplus).unwrap_or(u32::MAX)))
}

/// One `AnyValue` at this depth below its attribute.
pub(super) fn value(encoded: Bytes, depth: usize) -> Result<Value, String> {
    if depth > ATTRIBUTE_DEPTH_MAX {
        return Ok(Value::from(TOO_DEEP));
    }
    let value = wire::AnyValue::decode(encoded).map_err(|error| format!("bad value: {error}"))?;
    Ok(match value.kind {
        None => Value::Null,
        Some(Kind::Text(text)) => Value::String(text_of(&text)),
        Some(Kind::Bool(value)) => Value::Bool(value),
        Some(Kind::Int(value)) => Value::from(value),
        Some(Kind::Double(value)) => batch::double(value),
        Some(Kind::Binary(bytes)) => Value::String(BASE64_STANDARD.encode(bytes)),
        Some(Kind::Array(array)) => array
            .values
            .into_iter()
            .map(|item| value_below(item, depth))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Some(Kind::Object(object)) => Value::Object(
            object
                .values
                .into_iter()
                .map(|pair| key_value(pair, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
    })
}

fn value_below(encoded: Bytes, depth: usize) -> Result<Value, String> {
    value(encoded, depth + 1)
}

fn key_value(encoded: Bytes, depth: usize) -> Result<(String, Value), String> {
    let pair =
        wire::KeyValue::decode(encoded).map_err(|error| format!("bad attribute: {error}"))?;
    let key = text_of(&pair.key);
    let value = match pair.value {
        None => Value::Null,
        Some(encoded) => {
            value(encoded, depth).map_err(|reason| format!("attribute {key:?}: {reason}"))?
        }
    };
    Ok((key, value))
}

/// Text as the producer meant it; bytes that are no UTF-8 become U+FFFD.
pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
