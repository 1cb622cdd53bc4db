//! OTLP in protobuf. Each span is decoded on its own, from a slice of the record.

use super::any_value::{self, text_of};
use super::batch::{self, Batch, DROPPED_EVENTS, place, unix_ns};
use super::{Decoded, EVENTS_PER_SPAN_MAX, SharedOrigin, wire};
use bytes::Bytes;
use domain::ids::{SpanId, TraceId};
use domain::raw::{RawEvent, RawLog, RawSpan, RawStatus};
use prost::Message;
use serde_json::Value;

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

pub(super) fn spans(payload: &Bytes, project: Option<&String>) -> Result<Decoded, String> {
    let mut batch = Batch::default();
    read(payload, project, |item, origin, at| {
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
    })?;
    Ok(batch.decoded)
}

pub(super) fn logs(payload: &Bytes, project: Option<&String>) -> Result<Decoded, String> {
    let mut batch = Batch::default();
    read(payload, project, |item, origin, at| {
        let name = || place(at.0, at.1, format_args!("log record {}", at.2), "");
        let index = batch.next_log_index();
        batch.log(log(item.clone(), origin, index), name)
    })?;
    Ok(batch.decoded)
}

/// Walks resources and scopes, which spans and logs have in common, and hands out each item with its place.
fn read(
    payload: &Bytes,
    project: Option<&String>,
    mut item: impl FnMut(&Bytes, &SharedOrigin, (usize, usize, usize)) -> Result<(), String>,
) -> Result<(), String> {
    let request = message::<wire::Request>(payload.clone(), || "the request".to_owned())?;
    if request.resources.is_empty() {
        return Err("it holds no field of an OTLP request".to_owned());
    }
    for (r, encoded) in request.resources.into_iter().enumerate() {
        let resource = message::<wire::ResourceItems>(encoded, || format!("resource {r}"))?;
        let attributes = match resource.resource {
            None => Default::default(),
            Some(found) => {
                any_value::attributes(found.attributes)
                    .map_err(|reason| format!("resource {r}: {reason}"))?
                    .0
            }
        };
        let scopes = resource.scopes.into_iter().chain(resource.libraries);
        for (s, encoded) in scopes.enumerate() {
            let scope =
                message::<wire::ScopeItems>(encoded, || format!("resource {r}, scope {s}"))?;
            let wire::Scope { name, version } = scope.scope.unwrap_or_default();
            let origin = batch::origin(
                attributes.clone(),
                text_of(&name),
                text_of(&version),
                project,
            );
            for (i, encoded) in scope.items.iter().enumerate() {
                item(encoded, &origin, (r, s, i))?;
            }
        }
    }
    Ok(())
}

fn message<M: Message + Default>(
    encoded: Bytes,
    place: impl FnOnce() -> String,
) -> Result<M, String> {
    M::decode(encoded).map_err(|error| format!("{}: {error}", place()))
}

fn span(encoded: Bytes, origin: &SharedOrigin) -> Result<RawSpan, String> {
    let span = wire::Span::decode(encoded).map_err(|error| error.to_string())?;
    let (trace_id, span_id) = ids(&span.trace_id, &span.span_id)?;
    let (mut attributes, surplus) = any_value::attributes(span.attributes)?;
    let missing_events = span.events.len().saturating_sub(EVENTS_PER_SPAN_MAX);
    if missing_events > 0 {
        attributes.insert(DROPPED_EVENTS.to_owned(), Value::from(missing_events));
    }
    let events = span.events.into_iter().take(EVENTS_PER_SPAN_MAX);
    Ok(RawSpan {
        trace_id,
        span_id,
        parent_span_id: SpanId::from_bytes(&span.parent_span_id),
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
    let trace = TraceId::from_bytes(trace_id).ok_or_else(|| {
        format!(
            "the trace id is {}; it must be 16 bytes, not all zero",
            batch::shown(trace_id)
        )
    })?;
    let span = SpanId::from_bytes(span_id).ok_or_else(|| {
        format!(
            "the span id is {}; it must be 8 bytes, not all zero",
            batch::shown(span_id)
        )
    })?;
    Ok((trace, span))
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
    let trace_id = TraceId::from_bytes(&log.trace_id);
    let span_id = SpanId::from_bytes(&log.span_id);
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return Ok(None);
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
