//! Whether a message can be read by whoever reads it later: every field that is read holds what belongs there, and messages
//! within it are whole. Invalid UTF-8 is no matter: its reader puts U+FFFD there.

use domain::text::prefix;

use super::proto::{Field, Wire, fields};

/// Deeper values are not read: the reader puts a mark there.
pub const VALUE_DEPTH_MAX: usize = 24;
/// Longest key of an attribute repeated in an error.
const KEY_BYTES_MAX: usize = 80;

/// A message of OTLP, as far as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// What stands beside the scopes of a resource.
    ResourceHead,
    Resource,
    /// What stands beside the items of a scope.
    ScopeHead,
    Scope,
    Span,
    Status,
    Event,
    Link,
    LogRecord,
    KeyValue,
    AnyValue,
    /// Array and key/value list.
    AnyValues,
    KeyValues,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Message(Shape),
    /// Text or bytes, or messages that are looked at elsewhere.
    Data,
    Varint,
    Fixed64,
}

impl Shape {
    /// Whether the field of a resource or scope holds what is in it, rather than what it says of itself.
    pub(super) fn is_inside(self, number: u32) -> bool {
        match self {
            Self::ResourceHead => matches!(number, 2 | 1000),
            Self::ScopeHead => number == 2,
            _ => false,
        }
    }

    /// The name of a field and what it holds; `None` for those that nobody reads.
    fn of_field(self, number: u32) -> Option<(&'static str, Holds)> {
        use Holds::{Data, Fixed64, Message, Varint};
        Some(match (self, number) {
            (Self::ResourceHead, 1) => ("resource", Message(Self::Resource)),
            (Self::ResourceHead, 2 | 1000) => ("scopes", Data),
            (Self::ScopeHead, 1) => ("scope", Message(Self::Scope)),
            (Self::ScopeHead, 2) => ("items", Data),
            (Self::Scope, 1) => ("name", Data),
            (Self::Scope, 2) => ("version", Data),
            (Self::Span, 1) | (Self::Link, 1) | (Self::LogRecord, 9) => ("trace id", Data),
            (Self::Span, 2) | (Self::Link, 2) | (Self::LogRecord, 10) => ("span id", Data),
            (Self::Span, 4) => ("parent span id", Data),
            (Self::Span, 5) | (Self::Event, 2) => ("name", Data),
            (Self::Span, 7) => ("start time", Fixed64),
            (Self::Span, 8) => ("end time", Fixed64),
            (Self::Resource, 1)
            | (Self::Span, 9)
            | (Self::Event, 3)
            | (Self::Link, 4)
            | (Self::LogRecord, 6) => ("attributes", Message(Self::KeyValue)),
            (Self::Span, 10) => ("dropped attributes", Varint),
            (Self::Span, 11) => ("events", Message(Self::Event)),
            (Self::Span, 13) => ("links", Message(Self::Link)),
            (Self::Span, 15) => ("status", Message(Self::Status)),
            (Self::Status, 2) => ("message", Data),
            (Self::Status, 3) => ("code", Varint),
            (Self::Event, 1) | (Self::LogRecord, 1) => ("time", Fixed64),
            (Self::LogRecord, 5) => ("body", Message(Self::AnyValue)),
            (Self::LogRecord, 11) => ("observed time", Fixed64),
            (Self::LogRecord, 12) => ("event name", Data),
            (Self::KeyValue, 1) => ("key", Data),
            (Self::KeyValue, 2) => ("value", Message(Self::AnyValue)),
            (Self::AnyValue, 1) => ("text", Data),
            (Self::AnyValue, 2) => ("boolean", Varint),
            (Self::AnyValue, 3) => ("integer", Varint),
            (Self::AnyValue, 4) => ("double", Fixed64),
            (Self::AnyValue, 5) => ("array", Message(Self::AnyValues)),
            (Self::AnyValue, 6) => ("list", Message(Self::KeyValues)),
            (Self::AnyValue, 7) => ("bytes", Data),
            (Self::AnyValues, 1) => ("values", Message(Self::AnyValue)),
            (Self::KeyValues, 1) => ("values", Message(Self::KeyValue)),
            _ => return None,
        })
    }
}

/// # Errors
/// What cannot be read, and in which field.
pub(super) fn check(shape: Shape, message: &[u8]) -> Result<(), String> {
    check_at(shape, message, 0)
}

/// The same of one field of a message whose other fields are looked at elsewhere.
///
/// # Errors
/// As above.
pub(super) fn check_field(shape: Shape, field: &Field<'_>) -> Result<(), String> {
    check_field_at(shape, field, 0)
}

/// `depth` is that of the attribute's value that the message belongs to, as its reader counts.
fn check_at(shape: Shape, message: &[u8], depth: usize) -> Result<(), String> {
    if shape == Shape::AnyValue && depth > VALUE_DEPTH_MAX {
        return Ok(());
    }
    for field in fields(message) {
        let field = field.map_err(|cause| cause.to_string())?;
        check_field_at(shape, &field, depth)?;
    }
    Ok(())
}

fn check_field_at(shape: Shape, field: &Field<'_>, depth: usize) -> Result<(), String> {
    let Some((name, holds)) = shape.of_field(field.number) else {
        return Ok(());
    };
    let wanted = match holds {
        Holds::Message(_) | Holds::Data => (Wire::Data, "a text or message"),
        Holds::Varint => (Wire::Varint, "a varint"),
        Holds::Fixed64 => (Wire::Fixed64, "a number of 64 bits"),
    };
    if field.wire != wanted.0 {
        return Err(format!(
            "{name}: its wire type is {:?} where {} belongs",
            field.wire, wanted.1
        ));
    }
    let (Holds::Message(inner), Some(data)) = (holds, field.data) else {
        return Ok(());
    };
    let is_deeper = matches!(shape, Shape::AnyValues | Shape::KeyValues);
    check_at(inner, data, depth + usize::from(is_deeper)).map_err(|reason| match inner {
        Shape::KeyValue => format!("{name} {:?}: {reason}", key_of(data)),
        _ => format!("{name}: {reason}"),
    })
}

fn key_of(pair: &[u8]) -> String {
    let mut found = fields(pair).flatten();
    let key = found.find(|field| field.number == 1);
    let key = String::from_utf8_lossy(key.and_then(|key| key.data).unwrap_or_default());
    prefix(&key, KEY_BYTES_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::proto::put;
    use super::*;

    /// Wraps a value into so many arrays, or lists of pairs.
    fn nested(bottom: &[u8], depth: usize, is_list: bool) -> Vec<u8> {
        let mut value = bottom.to_vec();
        for _ in 0..depth {
            let (mut inner, mut outer) = (Vec::new(), Vec::new());
            if is_list {
                let mut pair = Vec::new();
                put(&mut pair, 2, &value);
                value = pair;
            }
            put(&mut inner, 1, &value);
            put(&mut outer, if is_list { 6 } else { 5 }, &inner);
            value = outer;
        }
        value
    }

    fn span(value: &[u8]) -> Vec<u8> {
        let (mut pair, mut span) = (Vec::new(), Vec::new());
        put(&mut pair, 1, b"key");
        put(&mut pair, 2, value);
        put(&mut span, 9, &pair);
        span
    }

    #[test]
    fn a_broken_value_is_found_as_deep_as_it_is_read() {
        for is_list in [false, true] {
            for depth in [0, 5, VALUE_DEPTH_MAX] {
                let good = span(&nested(&[0x18, 0x05], depth, is_list));
                assert_eq!(check(Shape::Span, &good), Ok(()));
                let bad = span(&nested(&[0x18, 0x80], depth, is_list));
                let error = check(Shape::Span, &bad).expect_err("is broken");
                assert!(error.starts_with("attributes \"key\": value: "), "{error}");
            }
            let unread = span(&nested(&[0x18, 0x80], VALUE_DEPTH_MAX + 1, is_list));
            assert_eq!(check(Shape::Span, &unread), Ok(()));
        }
    }

    #[test]
    fn a_field_that_holds_something_else_is_named() {
        for (shape, message, complaint) in [
            (Shape::Span, &[0x48, 0x01][..], "attributes: its wire type"),
            (
                Shape::Span,
                &[0x3A, 0x00],
                "start time: its wire type is Data",
            ),
            (Shape::Span, &[0x7A, 0x02, 0x1A, 0x00], "status: code:"),
            (Shape::Event, &[0x08, 0x00], "time: its wire type is Varint"),
            (Shape::LogRecord, &[0x60, 0x00], "event name:"),
            (Shape::AnyValue, &[0x22, 0x00], "double:"),
            (Shape::Scope, &[0x08, 0x05], "name:"),
        ] {
            let error = check(shape, message).expect_err(complaint);
            assert!(error.starts_with(complaint), "{error}");
        }
    }

    #[test]
    fn nesting_without_end_costs_no_stack() {
        let value = nested(&[0x18, 0x05], 10_000, false);
        assert_eq!(check(Shape::AnyValue, &value), Ok(()));
    }
}
