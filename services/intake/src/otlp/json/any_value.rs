//! Attribute values: an object with one key that names the type.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::messages::KeyValue;
use super::scalar::{self, Scalar, Whole};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AnyValue {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Array(Array),
    #[prost(message, tag = "6")]
    Object(Object),
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

#[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
#[serde(default)]
pub(super) struct Array {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "scalar::list")]
    pub(super) values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
#[serde(default)]
pub(super) struct Object {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "scalar::list")]
    pub(super) values: Vec<KeyValue>,
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = deserializer.deserialize_any(AnyKind)?;
        Ok(Self { kind })
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Option<Kind>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value such as {\"stringValue\": \"…\"}")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    // Bare values are not OTLP, but their meaning is plain.

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Kind::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Kind::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(match i64::try_from(value) {
            Ok(value) => Kind::Int(value),
            Err(_) => Kind::Double(value as f64),
        }))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Kind::Double(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(Kind::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(Kind::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(item) = items.next_element()? {
            values.push(item);
        }
        Ok(Some(Kind::Array(Array { values })))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        while let Some(key) = entries.next_key::<std::borrow::Cow<'_, str>>()? {
            let found = match key.as_ref() {
                "arrayValue" | "array_value" => entries
                    .next_value::<Option<Whole<Array>>>()?
                    .map(|Whole(array)| Kind::Array(array)),
                "kvlistValue" | "kvlist_value" => entries
                    .next_value::<Option<Whole<Object>>>()?
                    .map(|Whole(object)| Kind::Object(object)),
                "stringValue" | "string_value" => entries.next_value_seed(Held::Text)?,
                "boolValue" | "bool_value" => entries.next_value_seed(Held::Bool)?,
                "intValue" | "int_value" => entries.next_value_seed(Held::Int)?,
                "doubleValue" | "double_value" => entries.next_value_seed(Held::Double)?,
                "bytesValue" | "bytes_value" => entries.next_value_seed(Held::Bytes)?,
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                    None
                }
            };
            kind = kind.or(found);
        }
        Ok(kind)
    }
}

/// What a value says that it holds. What it does not hold is an error: a guess would be taken for what was measured.
enum Held {
    Text,
    Bool,
    Int,
    Double,
    Bytes,
}

impl<'de> DeserializeSeed<'de> for Held {
    type Value = Option<Kind>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let value = Scalar::deserialize(deserializer)?;
        if value == Scalar::Null {
            return Ok(None);
        }
        let (kind, wanted) = match self {
            Self::Text => return Ok(Some(Kind::Text(value.text()))),
            Self::Bytes => return Ok(Some(Kind::Bytes(scalar::bytes(&value.text())))),
            Self::Bool => (value.boolean().map(Kind::Bool), "true or false"),
            Self::Int => (value.integer().map(Kind::Int), "a whole number of 64 bits"),
            Self::Double => (value.double().map(Kind::Double), "a number"),
        };
        kind.map(Some).ok_or_else(|| value.instead_of(wanted))
    }
}
