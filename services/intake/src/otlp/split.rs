//! Cutting a request by trace, as the Collector does with `partition_traces_by_id`, and by size.

use std::collections::HashMap;

use bytes::Bytes;
use domain::ids::{SpanId, TraceId};
use domain::text::prefix;

use super::check::{Shape, check};
use super::proto::{FIELD_HEAD_BYTES_MAX, fields, put};
use super::walk::{ADVICE, Frame, Item, walk};
use super::{Rejections, Signal};
use crate::budget::Reservation;
use crate::refusal::Refusal;

/// Longest name of a span repeated in an error.
const NAME_BYTES_MAX: usize = 80;
/// Of the two messages around a span, and the field that each stands in.
const WRAPPING_BYTES: usize = 3 * FIELD_HEAD_BYTES_MAX;
/// Of a span, the id of its parent.
const PARENT_FIELD: u32 = 4;
/// Items of one record: its reader takes no more.
pub const RECORD_ITEMS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Spans or log records, and likewise resources and scopes, of one request.
    pub items_max: usize,
    /// Size at which the spans of a trace are spread over several records.
    pub record_bytes_max: usize,
    /// Size of one span with its resource and scope.
    pub item_bytes_max: usize,
}

/// Records of one request, before they are addressed.
#[derive(Clone, Debug, Default)]
pub struct Split {
    pub parts: Vec<Part>,
    pub rejections: Rejections,
    /// Log records that belong to no span: ordinary application logs. No conversation is made of those.
    pub without_span: usize,
}

/// Some items of one trace: a request in itself.
#[derive(Clone, Debug)]
pub struct Part {
    pub trace_id: TraceId,
    pub payload: Bytes,
    pub items: usize,
    /// Name of the first item.
    pub first: String,
}

/// # Errors
/// When the request is malformed as a whole, or too large.
pub fn split(
    signal: Signal,
    request: &[u8],
    limits: Limits,
    held: &mut Reservation,
) -> Result<Split, Refusal> {
    let mut split = Split::default();
    let mut order: Vec<TraceId> = Vec::new();
    let mut by_trace: HashMap<TraceId, Vec<Item<'_>>> = HashMap::new();
    // What cutting needs beside the records: an entry per item.
    let (frame, entries) = walk(request, limits.items_max, &mut split.rejections)?;
    held.grow(entries.len() * 4 * size_of::<Item<'_>>())?;
    for item in entries {
        match identify(signal, item.data) {
            Ok(Some(trace_id)) => {
                let of_trace = by_trace.entry(trace_id).or_default();
                if of_trace.is_empty() {
                    order.push(trace_id);
                }
                of_trace.push(item);
            }
            Ok(None) => split.without_span += 1,
            Err(reason) => split.rejections.add(|| {
                let name = name_of(signal, item.data);
                let Item {
                    resource,
                    scope,
                    number,
                    ..
                } = item;
                let scope = frame.scopes[scope].position;
                format!(
                    "resource {resource}, scope {scope}, {} {number} {name:?}: {reason}",
                    signal.item()
                )
            }),
        }
    }
    for trace_id in order {
        let items = by_trace.remove(&trace_id).unwrap_or_default();
        cut(signal, trace_id, &items, &frame, limits, held, &mut split)?;
    }
    Ok(split)
}

/// The trace of an item; `None` for a log record that belongs to no span.
fn identify(signal: Signal, data: &[u8]) -> Result<Option<TraceId>, String> {
    let (shape, trace_field, span_field) = match signal {
        Signal::Logs => (Shape::LogRecord, 9, 10),
        _ => (Shape::Span, 1, 2),
    };
    check(shape, data).map_err(|reason| format!("{reason}: {ADVICE}"))?;
    let (mut trace, mut span, mut parent) = (&[][..], &[][..], &[][..]);
    for field in fields(data).flatten() {
        match (field.number, field.data) {
            (number, Some(id)) if number == trace_field => trace = id,
            (number, Some(id)) if number == span_field => span = id,
            (PARENT_FIELD, Some(id)) if shape == Shape::Span => parent = id,
            _ => {}
        }
    }
    if !is_none(parent) && SpanId::from_bytes(parent).is_none() {
        return Err(bad_id("parent span id", parent, 8));
    }
    match (TraceId::from_bytes(trace), SpanId::from_bytes(span)) {
        (Some(trace_id), Some(_)) => Ok(Some(trace_id)),
        (trace_id, span_id) if signal == Signal::Logs => match (trace_id, span_id) {
            (None, _) if !is_none(trace) => Err(bad_id("trace id", trace, 16)),
            (_, None) if !is_none(span) => Err(bad_id("span id", span, 8)),
            _ => Ok(None),
        },
        (None, _) => Err(bad_id("trace id", trace, 16)),
        (_, None) => Err(bad_id("span id", span, 8)),
    }
}

/// Empty and all zero say that there is no id.
fn is_none(id: &[u8]) -> bool {
    id.iter().all(|byte| *byte == 0)
}

fn bad_id(what: &str, bytes: &[u8], length: usize) -> String {
    let found = match bytes.len() {
        0 => "missing".to_owned(),
        found if found == length => "all zero".to_owned(),
        found => format!("{found} bytes long"),
    };
    format!("its {what} is {found}; it must be {length} bytes, not all zero")
}

/// The name of a span or of a log record's event.
fn name_of(signal: Signal, data: &[u8]) -> String {
    let number = if signal == Signal::Logs { 12 } else { 5 };
    let named = fields(data)
        .flatten()
        .find(|field| field.number == number)
        .and_then(|field| field.data);
    let name = String::from_utf8_lossy(named.unwrap_or_default());
    prefix(&name, NAME_BYTES_MAX).to_owned()
}

/// Makes records of a trace's items, as few as fit.
fn cut(
    signal: Signal,
    trace_id: TraceId,
    items: &[Item<'_>],
    frame: &Frame,
    limits: Limits,
    held: &mut Reservation,
    split: &mut Split,
) -> Result<(), Refusal> {
    let mut begin = 0;
    let mut bytes = 0;
    let mut flush = |range: &[Item<'_>], bytes: usize, parts: &mut Vec<Part>| {
        if let Some(first) = range.first() {
            // Once here and once in the client of Kafka.
            held.grow(2 * bytes)?;
            parts.push(Part {
                trace_id,
                payload: encode(range, frame, bytes),
                items: range.len(),
                first: name_of(signal, first.data),
            });
        }
        Ok(())
    };
    for (position, item) in items.iter().enumerate() {
        let around = frame.resources[item.resource].len() + frame.scopes[item.scope].head.len();
        let alone = item.raw.len() + around + WRAPPING_BYTES;
        if alone > limits.item_bytes_max {
            flush(&items[begin..position], bytes, &mut split.parts)?;
            (begin, bytes) = (position + 1, 0);
            split.rejections.add(|| {
                let (name, most) = (name_of(signal, item.data), limits.item_bytes_max);
                format!(
                    "{} {name:?} of trace {trace_id} takes {alone} bytes, at most {most} are allowed \
                     (intake.limits.item_bytes_max)",
                    signal.item()
                )
            });
            continue;
        }
        let before = items[begin..position].last();
        let grows = match before {
            Some(before) if before.scope == item.scope => item.raw.len(),
            _ => alone,
        };
        let is_full =
            bytes + grows > limits.record_bytes_max || position - begin >= RECORD_ITEMS_MAX;
        if before.is_some() && is_full {
            flush(&items[begin..position], bytes, &mut split.parts)?;
            (begin, bytes) = (position, alone);
        } else {
            bytes += grows;
        }
    }
    flush(&items[begin..], bytes, &mut split.parts)
}

/// A request of these items. They are in the order of the request, so those of a scope, and of a resource, are together.
fn encode(items: &[Item<'_>], frame: &Frame, bytes: usize) -> Bytes {
    let mut request = Vec::with_capacity(bytes);
    for of_resource in items.chunk_by(|a, b| a.resource == b.resource) {
        let mut resource = frame.resources[of_resource[0].resource].clone();
        for of_scope in of_resource.chunk_by(|a, b| a.scope == b.scope) {
            let around = &frame.scopes[of_scope[0].scope];
            let mut scope = around.head.clone();
            of_scope
                .iter()
                .for_each(|item| scope.extend_from_slice(item.raw));
            put(&mut resource, around.number, &scope);
        }
        put(&mut request, 1, &resource);
    }
    Bytes::from(request)
}

#[cfg(test)]
mod tests;
