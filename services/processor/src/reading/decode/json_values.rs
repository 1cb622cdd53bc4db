//! Values as OTLP/JSON writes them, and the small readers that its messages share.

use super::batch::{self, array_or_single};
use super::{ATTRIBUTE_DEPTH_MAX, ATTRIBUTES_MAX};
use domain::json::TOO_DEEP;
use domain::raw::Attributes;
use serde_json::{Map, Value};

/// Attributes by key, and how many had to be left out. Of a repeated key the last value counts.
pub(super) fn attributes(pairs: Option<Value>, depth: usize) -> Result<(Attributes, u32), String> {
    let pairs = list(pairs);
    let surplus = pairs.len().saturating_sub(ATTRIBUTES_MAX);
    let mut attributes = Attributes::new();
    for pair in pairs.into_iter().take(ATTRIBUTES_MAX) {
        let (key, value) = key_value(pair, depth)?;
        attributes.insert(key, value);
    }
    Ok((attributes, u32::try_from(surplus).unwrap_or(u32::MAX)))
}

fn key_value(pair: Value, depth: usize) -> Result<(String, Value), String> {
    let mut pair = object(Some(pair)).map_err(|reason| format!("bad attribute: {reason}"))?;
    let key = text(take(&mut pair, "key", "key"));
    let value = match take(&mut pair, "value", "value") {
        None => Value::Null,
        Some(value) => {
            any_value(value, depth).map_err(|reason| format!("attribute {key:?}: {reason}"))?
        }
    };
    if let (true, true, Some(other)) = (key.is_empty(), value.is_null(), pair.keys().next()) {
        let other = domain::text::prefix(other, 80);
        return Err(format!(
            "bad attribute: it has {other:?} where `key` and `value` belong"
        ));
    }
    Ok((key, value))
}

/// What an `AnyValue` holds. What is no `AnyValue` (a bare number, say) is kept as it is.
pub(super) fn any_value(value: Value, depth: usize) -> Result<Value, String> {
    if depth > ATTRIBUTE_DEPTH_MAX {
        return Ok(Value::from(TOO_DEEP));
    }
    let Value::Object(mut object_value) = value else {
        return Ok(value);
    };
    let mut held = |camel, snake| take(&mut object_value, camel, snake);
    if let Some(text) = held("stringValue", "string_value") {
        return Ok(text);
    }
    if let Some(value) = held("boolValue", "bool_value") {
        return Ok(match value.as_str() {
            Some(word) => Value::Bool(word.eq_ignore_ascii_case("true")),
            None => value,
        });
    }
    if let Some(value) = held("intValue", "int_value") {
        return Ok(integer(value));
    }
    if let Some(value) = held("doubleValue", "double_value") {
        return Ok(match value.as_str().map(str::parse) {
            Some(Ok(parsed)) => batch::double(parsed),
            _ => value,
        });
    }
    if let Some(array) = held("arrayValue", "array_value") {
        let values = list(take(&mut object(Some(array))?, "values", "values"));
        let values = values.into_iter().map(|item| any_value(item, depth + 1));
        return Ok(Value::Array(values.collect::<Result<_, _>>()?));
    }
    if let Some(pairs) = held("kvlistValue", "kvlist_value") {
        let values = take(&mut object(Some(pairs))?, "values", "values");
        return Ok(Value::Object(attributes(values, depth + 1)?.0));
    }
    Ok(held("bytesValue", "bytes_value").unwrap_or(Value::Null))
}

fn integer(value: Value) -> Value {
    let parsed = match &value {
        Value::String(text) => text.trim().parse::<i64>().ok(),
        // A generic printer may have passed the number through a double.
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float as i64)),
        _ => None,
    };
    parsed.map_or(value, Value::from)
}

/// 0 for what is missing or no count.
pub(super) fn unsigned(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Number(number)) => number
            .as_u64()
            .unwrap_or_else(|| number.as_f64().unwrap_or(0.0) as u64),
        _ => 0,
    }
}

/// The value under either name; null counts as missing.
pub(super) fn take(object: &mut Map<String, Value>, camel: &str, snake: &str) -> Option<Value> {
    let present = |value: &Value| !value.is_null();
    let found = object.remove(camel).filter(present);
    found.or_else(|| object.remove(snake).filter(present))
}

pub(super) fn list(value: Option<Value>) -> Vec<Value> {
    value.map_or_else(Vec::new, array_or_single)
}

/// An object; an empty one for what is missing or null.
pub(super) fn object(value: Option<Value>) -> Result<Map<String, Value>, String> {
    match value {
        Some(Value::Object(object)) => Ok(object),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(other) => Err(format!("{} where an object belongs", batch::kind(&other))),
    }
}

pub(super) fn text(value: Option<Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}
