//! OTLP/JSON becomes OTLP in protobuf, read as liberally as the processor and the Collector read it: names in camel or
//! snake case, enums by number or name, integers as number or text, ids in hex or base64, anything missing or null, and
//! whatever is unknown passed over. What cannot be read is left out, and told.

mod any_value;
mod broken;
mod frames;
mod messages;
mod scalar;

use bytes::Bytes;
use domain::text::prefix;
use frames::{Lists, members, pieces};
use messages::{LogRecord, Resource, Scope, Span};
use prost::Message;
use scalar::{Scalar, Whole};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::proto::put;
use super::{Rejections, Signal};
use crate::refusal::Refusal;

/// Longest name of a span repeated in an error.
const NAME_BYTES_MAX: usize = 80;
/// What a sender can do about what is broken.
const ADVICE: &str = "let the exporter write OTLP/JSON as it is defined";

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
    let malformed =
        |cause: &str| Refusal::malformed(format!("the request is no OTLP/JSON: {cause}: {ADVICE}"));
    let text = domain::json::text(text);
    let lists = Lists::of(signal);
    let found = members(&text, [lists.resources]).map_err(|cause| malformed(&cause.to_string()))?;
    let resources = pieces(lists.resources, found[0]).map_err(|cause| malformed(&cause))?;
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
type Lost = (String, usize);

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
                Signal::Logs => encoded::<LogRecord>("", item),
                Signal::Traces | Signal::Metrics => encoded::<Span>("", item),
            };
            match read {
                Ok(read) => put(&mut head, field, &read),
                Err(cause) => self.rejections.add(|| {
                    let (kind, name) = (self.signal.item(), name_of(item));
                    format!("{place}, {kind} {position} {name:?}: {cause}: {ADVICE}")
                }),
            }
        }
        head
    }

    fn lose(&mut self, (cause, items): Lost, place: &str) -> Vec<u8> {
        let reason = format!("{cause}: {ADVICE}");
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
    let [resource, schema_url, scopes, libraries] = parts(text, names)?;
    let of = |number: u32, names, list| {
        let pieces = pieces(names, list).map_err(alone)?;
        Ok(pieces.into_iter().map(move |piece| (number, piece)))
    };
    let mut inside: Vec<_> = of(2, lists.scopes, scopes)?.collect();
    inside.extend(of(1000, lists.libraries, libraries)?);
    match head::<Resource>("resource", resource, schema_url) {
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
    let [scope, schema_url, items] = parts(text, names)?;
    let items = pieces(lists.items, items).map_err(|cause| (cause, 0))?;
    match head::<Scope>("scope", scope, schema_url) {
        Ok(head) => Ok(Around {
            head,
            inside: items.into_iter().map(|item| (2, item)).collect(),
        }),
        Err(cause) => Err((cause, items.len())),
    }
}

/// The members of a resource or a scope, of which nothing can be told when it is none.
fn parts<'a, const N: usize>(
    text: &'a RawValue,
    names: [&'static [&'static str]; N],
) -> Result<[Option<&'a RawValue>; N], Lost> {
    members(text.get(), names).map_err(|error| (broken::cause(&error), 0))
}

/// How many items a scope holds.
fn count(lists: Lists, scope: &RawValue) -> usize {
    let items = members(scope.get(), [lists.items]).ok();
    let items = items.and_then(|[list]| pieces(lists.items, list).ok());
    items.map_or(0, |items| items.len())
}

fn head<M: Message + DeserializeOwned>(
    name: &str,
    own: Option<&RawValue>,
    schema_url: Option<&RawValue>,
) -> Result<Vec<u8>, String> {
    let mut head = Vec::new();
    if let Some(own) = own {
        put(&mut head, 1, &encoded::<M>(name, own)?);
    }
    if let Some(schema_url) = schema_url {
        let schema_url: Scalar = serde_json::from_str(schema_url.get())
            .map_err(|_| broken::explain::<Scalar>("schemaUrl", schema_url.get()))?;
        put(&mut head, 3, schema_url.text().as_bytes());
    }
    Ok(head)
}

/// A message in protobuf. `name` is that of the field that holds it.
fn encoded<M: Message + DeserializeOwned>(name: &str, text: &RawValue) -> Result<Vec<u8>, String> {
    let text = text.get();
    let read = serde_json::from_str::<Whole<M>>(text);
    let read = read.map_err(|_| broken::explain::<Whole<M>>(name, text))?;
    Ok(read.0.encode_to_vec())
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
