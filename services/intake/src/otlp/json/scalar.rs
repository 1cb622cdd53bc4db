//! Single values, in all the ways in which they are written.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use domain::ids::{SpanId, TraceId};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Generic protobuf-to-JSON printers write bytes as base64, some without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Anything but a list or an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a boolean")
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Signed(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Unsigned(value))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }

            fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(value))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Scalar {
    pub(super) fn text(self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text,
            Self::Bool(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        }
    }

    /// `None` for what is no whole number. Some printers pass them through a double.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Signed(value) => Some(*value),
            Self::Unsigned(value) => Some(i64::try_from(*value).unwrap_or(i64::MAX)),
            Self::Float(value) => Some(*value as i64),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Bool(_) => None,
        }
    }

    pub(super) fn unsigned(&self) -> u64 {
        match self {
            Self::Unsigned(value) => *value,
            Self::Signed(value) => u64::try_from(*value).unwrap_or(0),
            Self::Float(value) => *value as u64,
            Self::Text(text) => text.trim().parse().unwrap_or(0),
            Self::Null | Self::Bool(_) => 0,
        }
    }

    /// Protobuf's JSON writes what JSON has no number for as text: `NaN`, `Infinity`.
    pub(super) fn double(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Signed(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Bool(_) => None,
        }
    }

    pub(super) fn boolean(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }
}

pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Scalar::deserialize(from).map(Scalar::text)
}

pub(super) fn unsigned<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Scalar::deserialize(from).map(|value| value.unsigned())
}

pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let value = Scalar::deserialize(from)?.integer().unwrap_or(0);
    Ok(i32::try_from(value).unwrap_or(0))
}

/// A count or bits of 32 bits.
pub(super) fn flag_bits<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Scalar::deserialize(from)?.unsigned();
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

/// The kind of a span or the code of a status, by number or by name.
pub(super) fn enumeration<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let value = Scalar::deserialize(from)?;
    if let Some(number) = value.integer() {
        return Ok(i32::try_from(number).unwrap_or(0));
    }
    let name = value.text().to_ascii_uppercase();
    Ok(match name.rsplit('_').next().unwrap_or_default() {
        "INTERNAL" | "OK" => 1,
        "SERVER" | "ERROR" => 2,
        "CLIENT" => 3,
        "PRODUCER" => 4,
        "CONSUMER" => 5,
        _ => 0,
    })
}

/// An id in hex, or else in base64. What is neither stays as it is: the span is then refused for it, with its name.
pub(super) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = text(from)?;
    let text = text.trim();
    let hex = TraceId::parse_hex(text)
        .map(|id| id.0.to_vec())
        .or_else(|| SpanId::parse_hex(text).map(|id| id.0.to_vec()));
    if let Some(id) = hex {
        return Ok(id);
    }
    // All zeros, which the readers of hex refuse, say that there is none.
    if text.bytes().all(|digit| digit == b'0') {
        return Ok(Vec::new());
    }
    let decoded = BASE64.decode(text).ok();
    let id = decoded.filter(|id| matches!(id.len(), 8 | 16));
    Ok(id.unwrap_or_else(|| text.as_bytes().to_vec()))
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    BASE64
        .decode(text.trim())
        .unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// Missing and null are an empty list.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

pub(super) fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}
