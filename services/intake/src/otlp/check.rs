//! Whether a span or log record can be read by whoever reads it later: its messages within messages are whole.

use super::proto::fields;

/// Deeper values are left to the reader, which has a bound of its own.
const DEPTH_MAX: usize = 64;

/// A message of OTLP, as far as messages lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Span,
    Event,
    Link,
    LogRecord,
    KeyValue,
    AnyValue,
    /// Array and key/value list.
    AnyValues,
    KeyValues,
    /// Text, bytes, or a message without messages.
    Flat,
}

impl Shape {
    /// What the field holds; `None` for a number and for fields that we do not know.
    fn of_field(self, number: u32) -> Option<Self> {
        match (self, number) {
            (Self::Span, 1 | 2 | 4 | 5) => Some(Self::Flat),
            (Self::Span, 9) => Some(Self::KeyValue),
            (Self::Span, 11) => Some(Self::Event),
            (Self::Span, 13) => Some(Self::Link),
            (Self::Span, 15) => Some(Self::Flat),
            (Self::Event, 3) | (Self::Link, 4) | (Self::LogRecord, 6) => Some(Self::KeyValue),
            (Self::Event, 2) | (Self::Link, 1 | 2) => Some(Self::Flat),
            (Self::LogRecord, 5) => Some(Self::AnyValue),
            (Self::LogRecord, 9 | 10) => Some(Self::Flat),
            (Self::KeyValue, 1) => Some(Self::Flat),
            (Self::KeyValue, 2) => Some(Self::AnyValue),
            (Self::AnyValue, 1 | 7) => Some(Self::Flat),
            (Self::AnyValue, 5) => Some(Self::AnyValues),
            (Self::AnyValue, 6) => Some(Self::KeyValues),
            (Self::AnyValues, 1) => Some(Self::AnyValue),
            (Self::KeyValues, 1) => Some(Self::KeyValue),
            _ => None,
        }
    }
}

/// # Errors
/// What cannot be read, and in which field.
pub(super) fn check(shape: Shape, message: &[u8]) -> Result<(), String> {
    check_at(shape, message, 0)
}

fn check_at(shape: Shape, message: &[u8], depth: usize) -> Result<(), String> {
    if shape == Shape::Flat || depth == DEPTH_MAX {
        return Ok(());
    }
    for field in fields(message) {
        let field = field.map_err(|cause| cause.to_string())?;
        let Some(inner) = shape.of_field(field.number) else {
            continue;
        };
        let place = |reason: String| format!("field {}: {reason}", field.number);
        let data = field
            .data
            .ok_or_else(|| place("a number where a text or message belongs".to_owned()))?;
        check_at(inner, data, depth + 1).map_err(place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::proto::put;
    use super::*;

    #[test]
    fn a_broken_value_is_found_however_deep() {
        let mut value = vec![0x18, 0x05];
        for _ in 0..5 {
            let mut list = Vec::new();
            put(&mut list, 1, &value);
            value.clear();
            put(&mut value, 5, &list);
        }
        let span = |value: &[u8]| {
            let (mut pair, mut span) = (Vec::new(), Vec::new());
            put(&mut pair, 1, b"key");
            put(&mut pair, 2, value);
            put(&mut span, 9, &pair);
            span
        };
        assert_eq!(check(Shape::Span, &span(&value)), Ok(()));
        let last = value.len() - 1;
        value[last] = 0x80;
        let error = check(Shape::Span, &span(&value)).expect_err("is broken");
        assert!(
            error.starts_with("field 9: field 2: field 5: field 1:"),
            "{error}"
        );
        let error = check(Shape::Span, &[0x48, 0x01]).expect_err("is no message");
        assert!(error.contains("a number where"), "{error}");
    }

    #[test]
    fn nesting_without_end_costs_no_stack() {
        let mut value = Vec::new();
        for _ in 0..10_000 {
            let mut outer = Vec::with_capacity(value.len() + 8);
            put(&mut outer, 1, &value);
            value = outer;
        }
        assert_eq!(check(Shape::KeyValues, &value), Ok(()));
    }
}
