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
    let key = match take(&mut pair, "key", "key") {
        None => String::new(),
        Some(Value::String(key)) => key,
        Some(other) => {
            let found = batch::kind(&other);
            return Err(format!(
                "bad attribute: `key`: {found} where a text belongs"
            ));
        }
    };
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
    let scalars = [
        held("stringValue", "string_value").map(|value| text(Some(value)).map(Value::String)),
        held("boolValue", "bool_value").map(boolean),
        held("intValue", "int_value").map(integer),
        held("doubleValue", "double_value").map(double),
    ];
    let array = held("arrayValue", "array_value");
    let pairs = held("kvlistValue", "kvlist_value");
    let bytes = held("bytesValue", "bytes_value").map(|value| text(Some(value)).map(Value::String));
    let array = array.map(|array| {
        let values = list(take(&mut object(Some(array))?, "values", "values"));
        let values = values.into_iter().map(|item| any_value(item, depth + 1));
        Ok(Value::Array(values.collect::<Result<_, String>>()?))
    });
    let pairs = pairs.map(|pairs| {
        let values = take(&mut object(Some(pairs))?, "values", "values");
        Ok(Value::Object(attributes(values, depth + 1)?.0))
    });
    // One is held; what is beside it is no reason to take nonsense.
    let mut first = None;
    for value in scalars.into_iter().chain([array, pairs, bytes]).flatten() {
        let value = value?;
        first.get_or_insert(value);
    }
    Ok(first.unwrap_or_default())
}

fn boolean(value: Value) -> Result<Value, String> {
    let word = value.as_str().map(str::trim);
    let found = match (&value, word) {
        (Value::Bool(value), _) => Some(*value),
        (_, Some(word)) if word.eq_ignore_ascii_case("true") => Some(true),
        (_, Some(word)) if word.eq_ignore_ascii_case("false") => Some(false),
        _ => match value.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
    };
    found
        .map(Value::Bool)
        .ok_or_else(|| instead_of(&value, "boolValue", "true or false"))
}

fn integer(value: Value) -> Result<Value, String> {
    let found = whole(&value).and_then(|found| i64::try_from(found).ok());
    found
        .map(Value::from)
        .ok_or_else(|| instead_of(&value, "intValue", "a whole number of 64 bits"))
}

fn double(value: Value) -> Result<Value, String> {
    match value.as_str().map(|text| text.trim().parse()) {
        Some(Ok(parsed)) => Ok(batch::double(parsed)),
        None if value.is_number() => Ok(value),
        _ => Err(instead_of(&value, "doubleValue", "a number")),
    }
}

/// A whole number, as number or text; a generic printer may have passed it through a double.
fn whole(value: &Value) -> Option<i128> {
    let of_double =
        |value: f64| (value.fract() == 0.0 && value.abs() < 1e20).then_some(value as i128);
    match value {
        Value::Number(number) => {
            let signed = number.as_i64().map(i128::from);
            let whole = signed.or(number.as_u64().map(i128::from));
            whole.or_else(|| of_double(number.as_f64()?))
        }
        Value::String(text) => {
            let text = text.trim();
            let whole = text.parse::<i64>().map(i128::from).ok();
            let whole = whole.or_else(|| text.parse::<u64>().map(i128::from).ok());
            whole.or_else(|| of_double(text.parse().ok()?))
        }
        _ => None,
    }
}

/// 0 for what is missing, or an empty text.
pub(super) fn unsigned(value: Option<&Value>, name: &str) -> Result<u64, String> {
    match value {
        None => Ok(0),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(0),
        Some(value) => {
            let found = whole(value).and_then(|found| u64::try_from(found).ok());
            found.ok_or_else(|| instead_of(value, name, "a whole number, not negative,"))
        }
    }
}

fn instead_of(found: &Value, name: &str, wanted: &str) -> String {
    let found = found.to_string();
    let found = domain::text::prefix(&found, 80);
    format!("`{name}`: {found} where {wanted} belongs")
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

/// What a text holds; bare numbers and booleans are what they are written as.
pub(super) fn text(value: Option<Value>) -> Result<String, String> {
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text),
        Some(other @ (Value::Array(_) | Value::Object(_))) => {
            Err(format!("{} where a text belongs", batch::kind(&other)))
        }
        Some(other) => Ok(other.to_string()),
    }
}
