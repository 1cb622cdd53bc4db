//! OTLP/JSON becomes OTLP in protobuf, read as liberally as the processor and the Collector read it: names in camel or
//! snake case, enums by number or name, integers as number or text, ids in hex or base64, anything missing or null, and
//! whatever is unknown passed over. What cannot be read is left out, and told.

mod any_value;
mod frames;
mod messages;
mod scalar;

use bytes::Bytes;
use domain::text::prefix;
use frames::{Lists, members, pieces};
use messages::{LogRecord, Resource, Scope, Span};
use prost::Message;
use scalar::Scalar;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::value::RawValue;

use super::proto::put;
use super::{Rejections, Signal};
use crate::refusal::Refusal;

/// Longest name of a span repeated in an error.
const NAME_BYTES_MAX: usize = 80;

/// A request in protobuf, and what of the text is not in it.
#[derive(Clone, Debug, Default)]
pub struct Converted {
    pub request: Bytes,
    pub rejections: Rejections,
}

/// The same request in protobuf.
///
/// # Errors
/// When the text is no such request; says where.
pub fn to_proto(signal: Signal, text: &[u8]) -> Result<Converted, Refusal> {
    let malformed = |cause: &str| {
        Refusal::malformed(format!(
            "the request is no OTLP/JSON: {cause}: let the exporter write OTLP/JSON as it is defined"
        ))
    };
    let text = domain::json::text(text);
    let lists = Lists::of(signal);
    let resources = members(&text, [lists.resources]).and_then(|[list]| pieces(list));
    let resources = resources.map_err(|cause| malformed(&cause.to_string()))?;
    let mut conversion = Conversion {
        signal,
        lists,
        rejections: Rejections::default(),
    };
    let mut request = Vec::new();
    for (number, resource) in resources.into_iter().enumerate() {
        let read = conversion.resource(resource, number);
        put(&mut request, 1, &read);
    }
    Ok(Converted {
        request: Bytes::from(request),
        rejections: conversion.rejections,
    })
}

struct Conversion {
    signal: Signal,
    lists: Lists,
    rejections: Rejections,
}

/// A resource or a scope.
struct Around<'a> {
    /// What it says of itself, in protobuf.
    head: Vec<u8>,
    /// What is in it, each with the number of its field.
    inside: Vec<(u32, &'a RawValue)>,
}

/// What cannot be read, and how many items that costs as far as they can be counted.
type Lost = (serde_json::Error, usize);

impl Conversion {
    /// One resource with what is in it; nothing stands in the place of what is left out, so that the others keep theirs.
    fn resource(&mut self, text: &RawValue, number: usize) -> Vec<u8> {
        let place = format!("resource {number}");
        let Around { mut head, inside } = match read_resource(self.lists, text) {
            Ok(around) => around,
            Err(lost) => return self.lose(lost, &place),
        };
        for (position, (field, scope)) in inside.into_iter().enumerate() {
            let read = self.scope(scope, &format!("{place}, scope {position}"));
            put(&mut head, field, &read);
        }
        head
    }

    fn scope(&mut self, text: &RawValue, place: &str) -> Vec<u8> {
        let Around { mut head, inside } = match read_scope(self.lists, text) {
            Ok(around) => around,
            Err(lost) => return self.lose(lost, place),
        };
        for (position, (field, item)) in inside.into_iter().enumerate() {
            let read = match self.signal {
                Signal::Logs => encoded::<LogRecord>(item),
                Signal::Traces | Signal::Metrics => encoded::<Span>(item),
            };
            match read {
                Ok(read) => put(&mut head, field, &read),
                Err(cause) => self.rejections.add(|| {
                    let (kind, name) = (self.signal.item(), name_of(item));
                    format!("{place}, {kind} {position} {name:?}: {cause} of it")
                }),
            }
        }
        head
    }

    fn lose(&mut self, (cause, items): Lost, place: &str) -> Vec<u8> {
        let reason = format!("{cause} of it: let the exporter write OTLP/JSON as it is defined");
        self.rejections.add_around(items, place, &reason);
        Vec::new()
    }
}

fn read_resource(lists: Lists, text: &RawValue) -> Result<Around<'_>, Lost> {
    let names = [
        &["resource"][..],
        &["schemaUrl", "schema_url"],
        lists.scopes,
        lists.libraries,
    ];
    let alone = |cause| (cause, 0);
    let [resource, schema_url, scopes, libraries] = members(text.get(), names).map_err(alone)?;
    let of = |number: u32, list| {
        pieces(list).map(|pieces| pieces.into_iter().map(move |piece| (number, piece)))
    };
    let mut inside: Vec<_> = of(2, scopes).map_err(alone)?.collect();
    inside.extend(of(1000, libraries).map_err(alone)?);
    match head::<Resource>(resource, schema_url) {
        Ok(head) => Ok(Around { head, inside }),
        Err(cause) => {
            let items = inside.iter().map(|(_, scope)| count(lists, scope));
            Err((cause, items.sum()))
        }
    }
}

fn read_scope(lists: Lists, text: &RawValue) -> Result<Around<'_>, Lost> {
    let names = [
        &["scope", "instrumentationLibrary", "instrumentation_library"][..],
        &["schemaUrl", "schema_url"],
        lists.items,
    ];
    let alone = |cause| (cause, 0);
    let [scope, schema_url, items] = members(text.get(), names).map_err(alone)?;
    let items = pieces(items).map_err(alone)?;
    match head::<Scope>(scope, schema_url) {
        Ok(head) => Ok(Around {
            head,
            inside: items.into_iter().map(|item| (2, item)).collect(),
        }),
        Err(cause) => Err((cause, items.len())),
    }
}

/// How many items a scope holds.
fn count(lists: Lists, scope: &RawValue) -> usize {
    let items = members(scope.get(), [lists.items]).and_then(|[list]| pieces(list));
    items.map_or(0, |items| items.len())
}

fn head<M: Message + DeserializeOwned>(
    own: Option<&RawValue>,
    schema_url: Option<&RawValue>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut head = Vec::new();
    if let Some(own) = own {
        put(&mut head, 1, &encoded::<M>(own)?);
    }
    if let Some(schema_url) = schema_url {
        let schema_url: Scalar = serde_json::from_str(schema_url.get())?;
        put(&mut head, 3, schema_url.text().as_bytes());
    }
    Ok(head)
}

fn encoded<M: Message + DeserializeOwned>(text: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
    // A list would be read as the fields by position.
    if text.get().starts_with('[') {
        return Err(serde_json::Error::custom("a list where an object belongs"));
    }
    serde_json::from_str::<M>(text.get()).map(|message| message.encode_to_vec())
}

/// The name of a span or of a log record's event, where it can be read.
fn name_of(item: &RawValue) -> String {
    let names = [&["name", "eventName", "event_name"][..]];
    let name = members(item.get(), names).ok().and_then(|[name]| name);
    let name = name.and_then(|name| serde_json::from_str::<Scalar>(name.get()).ok());
    let name = name.map(Scalar::text).unwrap_or_default();
    prefix(&name, NAME_BYTES_MAX).to_owned()
}

#[cfg(test)]
mod tests;
