//! OTLP in protobuf. Each span is decoded on its own, from a slice of the record.

use super::any_value::{self, text_of};
use super::batch::{self, Batch, DROPPED_EVENTS, place, unix_ns};
use super::{Decoded, EVENTS_PER_SPAN_MAX, SharedOrigin, wire};
use bytes::Bytes;
use domain::ids::{SpanId, TraceId};
use domain::raw::{Attributes, RawEvent, RawLog, RawSpan, RawStatus};
use prost::{DecodeError, Message};
use serde_json::Value;

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

pub(super) fn spans(payload: &Bytes, project: Option<&String>) -> Result<Decoded, String> {
    read(payload, project, |batch, item, origin, at| {
        let name = || {
            let name = wire::SpanName::decode(item.clone()).unwrap_or_default();
            place(
                at.0,
                at.1,
                format_args!("span {}", at.2),
                &text_of(&name.name),
            )
        };
        batch.span(span(item.clone(), origin), name)
    })
}

pub(super) fn logs(payload: &Bytes, project: Option<&String>) -> Result<Decoded, String> {
    read(payload, project, |batch, item, origin, at| {
        let name = || place(at.0, at.1, format_args!("log record {}", at.2), "");
        let index = batch.next_log_index();
        batch.log(log(item.clone(), origin, index), name)
    })
}

/// Walks resources and scopes, which spans and logs have in common, and hands out each item with its place. A resource or
/// a scope that cannot be read costs the items in it: whose they are, and what they mean, would be a guess.
fn read(
    payload: &Bytes,
    project: Option<&String>,
    item: impl Fn(&mut Batch, &Bytes, &SharedOrigin, (usize, usize, usize)) -> Result<(), String>,
) -> Result<Decoded, String> {
    let request = wire::Request::decode(payload.clone());
    let request = request.map_err(|error| format!("the request: {error}"))?;
    if request.resources.is_empty() {
        return Err("it holds no field of an OTLP request".to_owned());
    }
    let mut batch = Batch::default();
    for (r, encoded) in request.resources.into_iter().enumerate() {
        let (attributes, scopes) = match resource(encoded) {
            Ok(read) => read,
            Err((reason, items)) => {
                batch.lose(items, reason, || format!("resource {r}"));
                continue;
            }
        };
        for (s, encoded) in scopes.into_iter().enumerate() {
            let (wire::Scope { name, version }, items) = match scope(encoded) {
                Ok(read) => read,
                Err((reason, items)) => {
                    batch.lose(items, reason, || format!("resource {r}, scope {s}"));
                    continue;
                }
            };
            let origin = batch::origin(
                attributes.clone(),
                text_of(&name),
                text_of(&version),
                project,
            );
            for (i, encoded) in items.iter().enumerate() {
                item(&mut batch, encoded, &origin, (r, s, i))?;
            }
        }
    }
    Ok(batch.decoded)
}

/// What cannot be read, and how many items that costs as far as they can be counted.
type Lost = (String, usize);

/// The attributes of a resource, and its scopes. One broken attribute is enough to give it up, since any may name the
/// project.
fn resource(encoded: Bytes) -> Result<(Attributes, Vec<Bytes>), Lost> {
    let of_whole = |error: DecodeError| (error.to_string(), 0);
    let mut items = wire::ResourceItems::decode(encoded).map_err(of_whole)?;
    let mut scopes = items.scopes;
    scopes.append(&mut items.libraries);
    let attributes = merged::<wire::Resource>(items.resource)
        .and_then(|resource| any_value::attributes(resource.attributes));
    match attributes {
        Ok((attributes, _)) => Ok((attributes, scopes)),
        Err(reason) => {
            let below = scopes.into_iter().map(wire::ScopeItems::decode);
            let below = below.flatten().map(|scope| scope.items.len()).sum();
            Err((reason, below))
        }
    }
}

fn scope(encoded: Bytes) -> Result<(wire::Scope, Vec<Bytes>), Lost> {
    let of_whole = |error: DecodeError| (error.to_string(), 0);
    let scope = wire::ScopeItems::decode(encoded).map_err(of_whole)?;
    match merged(scope.scope) {
        Ok(head) => Ok((head, scope.items)),
        Err(reason) => Err((reason, scope.items.len())),
    }
}

/// A message that is given several times is one, as protobuf has it.
fn merged<M: Message + Default>(encoded: Vec<Bytes>) -> Result<M, String> {
    let mut message = M::default();
    for part in encoded {
        message.merge(part).map_err(|error| error.to_string())?;
    }
    Ok(message)
}

fn span(encoded: Bytes, origin: &SharedOrigin) -> Result<RawSpan, String> {
    let span = wire::Span::decode(encoded).map_err(|error| error.to_string())?;
    let (trace_id, span_id) = ids(&span.trace_id, &span.span_id)?;
    let parent_span_id = SpanId::from_bytes(&span.parent_span_id);
    if parent_span_id.is_none() && !is_no_id(&span.parent_span_id) {
        return Err(bad_id("parent span id", &span.parent_span_id, 8));
    }
    let (mut attributes, surplus) = any_value::attributes(span.attributes)?;
    let missing_events = span.events.len().saturating_sub(EVENTS_PER_SPAN_MAX);
    if missing_events > 0 {
        attributes.insert(DROPPED_EVENTS.to_owned(), Value::from(missing_events));
    }
    let events = span.events.into_iter().take(EVENTS_PER_SPAN_MAX);
    Ok(RawSpan {
        trace_id,
        span_id,
        parent_span_id,
        name: text_of(&span.name),
        start_ns: unix_ns(span.start_time_unix_nano),
        end_ns: unix_ns(span.end_time_unix_nano),
        status: status(span.status),
        attributes,
        events: events.map(event).collect::<Result<_, _>>()?,
        dropped_attributes: span.dropped_attributes_count.saturating_add(surplus),
        origin: origin.clone(),
    })
}

fn ids(trace_id: &Bytes, span_id: &Bytes) -> Result<(TraceId, SpanId), String> {
    let trace = TraceId::from_bytes(trace_id).ok_or_else(|| bad_id("trace id", trace_id, 16))?;
    let span = SpanId::from_bytes(span_id).ok_or_else(|| bad_id("span id", span_id, 8))?;
    Ok((trace, span))
}

fn bad_id(what: &str, id: &Bytes, length: usize) -> String {
    let found = batch::shown(id);
    format!("the {what} is {found}; it must be {length} bytes, not all zero")
}

/// Empty and all zero say that there is no id.
fn is_no_id(id: &Bytes) -> bool {
    id.iter().all(|byte| *byte == 0)
}

fn status(status: Option<wire::Status>) -> RawStatus {
    status.map_or_else(RawStatus::default, |status| RawStatus {
        is_error: status.code == ERROR,
        message: text_of(&status.message),
    })
}

fn event(encoded: Bytes) -> Result<RawEvent, String> {
    let event = wire::Event::decode(encoded).map_err(|error| format!("bad event: {error}"))?;
    Ok(RawEvent {
        name: text_of(&event.name),
        time_ns: unix_ns(event.time_unix_nano),
        attributes: any_value::attributes(event.attributes)?.0,
    })
}

fn log(encoded: Bytes, origin: &SharedOrigin, index: u32) -> Result<Option<RawLog>, String> {
    let log = wire::LogRecord::decode(encoded).map_err(|error| error.to_string())?;
    let ids = (
        TraceId::from_bytes(&log.trace_id),
        SpanId::from_bytes(&log.span_id),
    );
    let (trace_id, span_id) = match ids {
        (Some(trace_id), Some(span_id)) => (trace_id, span_id),
        (None, _) if !is_no_id(&log.trace_id) => return Err(bad_id("trace id", &log.trace_id, 16)),
        (_, None) if !is_no_id(&log.span_id) => return Err(bad_id("span id", &log.span_id, 8)),
        _ => return Ok(None),
    };
    let (attributes, _) = any_value::attributes(log.attributes)?;
    let time_ns = match unix_ns(log.time_unix_nano) {
        0 => unix_ns(log.observed_time_unix_nano),
        given => given,
    };
    Ok(Some(RawLog {
        trace_id,
        span_id,
        event_name: batch::event_name(text_of(&log.event_name), &attributes),
        time_ns,
        index,
        attributes,
        body: log
            .body
            .map_or(Ok(Value::Null), |body| any_value::value(body, 0))?,
        origin: origin.clone(),
    }))
}
