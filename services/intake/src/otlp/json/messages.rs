//! The messages of OTLP within resources and scopes, as they are read from JSON and written in protobuf.

use std::borrow::Cow;
use std::fmt;

use domain::text::prefix;
use prost::Message;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::any_value::AnyValue;
use super::scalar::{
    Scalar, count, enumeration, flag_bits, id, list, messages, number, optional, text, unsigned,
};

/// Longest name repeated in an error.
const KEY_BYTES_MAX: usize = 80;

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "2")]
    #[serde(
        rename = "droppedAttributesCount",
        alias = "dropped_attributes_count",
        deserialize_with = "flag_bits"
    )]
    dropped_attributes_count: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
pub(super) struct Scope {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "text")]
    name: String,
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "text")]
    version: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    #[serde(
        rename = "droppedAttributesCount",
        alias = "dropped_attributes_count",
        deserialize_with = "flag_bits"
    )]
    dropped_attributes_count: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Span {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(alias = "trace_id", deserialize_with = "id")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(alias = "span_id", deserialize_with = "id")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    #[serde(alias = "trace_state", deserialize_with = "text")]
    trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(alias = "parent_span_id", deserialize_with = "id")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    #[serde(deserialize_with = "text")]
    name: String,
    #[prost(int32, tag = "6")]
    #[serde(deserialize_with = "enumeration")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(alias = "start_time_unix_nano", deserialize_with = "unsigned")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(alias = "end_time_unix_nano", deserialize_with = "unsigned")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "10")]
    #[serde(alias = "dropped_attributes_count", deserialize_with = "count")]
    dropped_attributes_count: u32,
    #[prost(message, repeated, tag = "11")]
    #[serde(deserialize_with = "messages")]
    events: Vec<Event>,
    #[prost(uint32, tag = "12")]
    #[serde(alias = "dropped_events_count", deserialize_with = "flag_bits")]
    dropped_events_count: u32,
    #[prost(message, repeated, tag = "13")]
    #[serde(deserialize_with = "messages")]
    links: Vec<Link>,
    #[prost(uint32, tag = "14")]
    #[serde(alias = "dropped_links_count", deserialize_with = "flag_bits")]
    dropped_links_count: u32,
    #[prost(message, optional, tag = "15")]
    #[serde(deserialize_with = "optional")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    #[serde(deserialize_with = "flag_bits")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event {
    #[prost(fixed64, tag = "1")]
    #[serde(alias = "time_unix_nano", deserialize_with = "unsigned")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "text")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    #[serde(alias = "dropped_attributes_count", deserialize_with = "flag_bits")]
    dropped_attributes_count: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(alias = "trace_id", deserialize_with = "id")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(alias = "span_id", deserialize_with = "id")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    #[serde(alias = "trace_state", deserialize_with = "text")]
    trace_state: String,
    #[prost(message, repeated, tag = "4")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "5")]
    #[serde(alias = "dropped_attributes_count", deserialize_with = "flag_bits")]
    dropped_attributes_count: u32,
    #[prost(fixed32, tag = "6")]
    #[serde(deserialize_with = "flag_bits")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct Status {
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "text")]
    message: String,
    #[prost(int32, tag = "3")]
    #[serde(deserialize_with = "enumeration")]
    code: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(alias = "time_unix_nano", deserialize_with = "unsigned")]
    time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    #[serde(alias = "severity_number", deserialize_with = "number")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    #[serde(alias = "severity_text", deserialize_with = "text")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "7")]
    #[serde(alias = "dropped_attributes_count", deserialize_with = "flag_bits")]
    dropped_attributes_count: u32,
    #[prost(fixed32, tag = "8")]
    #[serde(deserialize_with = "flag_bits")]
    flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    #[serde(alias = "trace_id", deserialize_with = "id")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    #[serde(alias = "span_id", deserialize_with = "id")]
    span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    #[serde(alias = "observed_time_unix_nano", deserialize_with = "unsigned")]
    observed_time_unix_nano: u64,
    #[prost(string, tag = "12")]
    #[serde(alias = "event_name", deserialize_with = "text")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pair)
    }
}

struct Pair;

impl<'de> Visitor<'de> for Pair {
    type Value = KeyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute such as {\"key\": \"…\", \"value\": {\"stringValue\": \"…\"}}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<KeyValue, A::Error> {
        let mut pair = KeyValue::default();
        let mut other = None;
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            match name.as_ref() {
                "key" => pair.key = members.next_value::<Key>()?.0,
                "value" => pair.value = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                    other.get_or_insert(name);
                }
            }
        }
        match other {
            // Whatever it is, it is no attribute.
            Some(other) if pair == KeyValue::default() => Err(A::Error::custom(format_args!(
                "{:?} where `key` and `value` belong",
                prefix(&other, KEY_BYTES_MAX)
            ))),
            _ => Ok(pair),
        }
    }
}

/// What an attribute is called, which is a text; null is none.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(key) => Ok(Self(key)),
            Scalar::Null => Ok(Self(String::new())),
            other => Err(other.instead_of("a text")),
        }
    }
}
