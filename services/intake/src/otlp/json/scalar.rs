//! Single values, in all the ways in which they are written.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use domain::ids::{SpanId, TraceId};
use domain::text::prefix;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Longest value repeated in an error.
const SHOWN_BYTES_MAX: usize = 80;

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

    /// `None` for what is no whole number of 64 bits. Some printers pass them through a double.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Signed(value) => Some(*value),
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            Self::Float(value) => whole(*value).and_then(|value| i64::try_from(value).ok()),
            Self::Text(text) => {
                let text = text.trim();
                let float =
                    || whole(text.parse().ok()?).and_then(|value| i64::try_from(value).ok());
                text.parse().ok().or_else(float)
            }
            Self::Null | Self::Bool(_) => None,
        }
    }

    /// Likewise; null and an empty text are 0, which says that it is not given.
    pub(super) fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Null => Some(0),
            Self::Unsigned(value) => Some(*value),
            Self::Signed(value) => u64::try_from(*value).ok(),
            Self::Float(value) => whole(*value).and_then(|value| u64::try_from(value).ok()),
            Self::Text(text) => {
                let text = text.trim();
                let float =
                    || whole(text.parse().ok()?).and_then(|value| u64::try_from(value).ok());
                match text {
                    "" => Some(0),
                    text => text.parse().ok().or_else(float),
                }
            }
            Self::Bool(_) => None,
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

    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Self::Signed(0) | Self::Unsigned(0) => Some(false),
            Self::Signed(1) | Self::Unsigned(1) => Some(true),
            _ => None,
        }
    }

    /// Says what it is where something else belongs.
    pub(super) fn instead_of<E: Error>(self, wanted: &str) -> E {
        let found = match self {
            Self::Null => "null".to_owned(),
            Self::Text(text) => format!("{:?}", prefix(&text, SHOWN_BYTES_MAX)),
            other => other.text(),
        };
        E::custom(format_args!("{found} where {wanted} belongs"))
    }
}

/// The whole number that a double is.
fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 1e20).then_some(value as i128)
}

pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Scalar::deserialize(from).map(Scalar::text)
}

pub(super) fn unsigned<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let value = Scalar::deserialize(from)?;
    let number = value.unsigned();
    number.ok_or_else(|| value.instead_of("a whole number, not negative,"))
}

/// A count that is read.
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    Ok(u32::try_from(unsigned(from)?).unwrap_or(u32::MAX))
}

pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let value = Scalar::deserialize(from)?.integer().unwrap_or(0);
    Ok(i32::try_from(value).unwrap_or(0))
}

/// A count or bits of 32 bits, which nobody reads: what is no number is none.
pub(super) fn flag_bits<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let value = Scalar::deserialize(from)?.unsigned().unwrap_or(0);
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
    let text = match Scalar::deserialize(from)? {
        Scalar::Text(text) => text,
        Scalar::Null => return Ok(Vec::new()),
        // Its digits could be taken for those of an id.
        other => return Err(other.instead_of("a text of hex digits")),
    };
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

/// Missing and null are an empty list. A list in the place of a message would be read as its fields by position.
pub(super) fn messages<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let messages: Vec<Whole<T>> = list(from)?;
    Ok(messages.into_iter().map(|Whole(message)| message).collect())
}

/// A message, which is written as an object.
pub(super) struct Whole<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Object(PhantomData)).map(Self)
    }
}

pub(super) fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let message: Option<Whole<T>> = Option::deserialize(from)?;
    Ok(message.map(|Whole(message)| message))
}
