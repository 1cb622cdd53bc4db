//! OTLP/JSON, read as liberally as the Collector reads it: names in camel case or snake case, enums by name or number,
//! integers as number or text, ids in hex or base64, and anything missing or null.

use super::batch::{self, Batch, DROPPED_EVENTS, array_or_single, place, unix_ns};
use super::{ATTRIBUTE_DEPTH_MAX, ATTRIBUTES_MAX, EVENTS_PER_SPAN_MAX, SharedOrigin};
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use domain::ids::{SpanId, TraceId};
use domain::json::TOO_DEEP;
use domain::raw::{Attributes, RawEvent, RawLog, RawSpan, RawStatus};
use serde_json::{Map, Value};

/// Generic protobuf-to-JSON printers write ids as base64, some without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keys named in the error for a document that is not OTLP.
const KEYS_IN_ERROR_MAX: usize = 8;

/// Reads one document: spans, log records, or both.
pub(super) fn read(
    document: Value,
    project: Option<&String>,
    batch: &mut Batch,
) -> Result<(), String> {
    let Value::Object(mut document) = document else {
        return Err(
            "a document is not an object; OTLP/JSON begins with `resourceSpans`".to_owned(),
        );
    };
    let spans = take(&mut document, "resourceSpans", "resource_spans");
    let logs = take(&mut document, "resourceLogs", "resource_logs");
    if let (None, None, Some(_)) = (&spans, &logs, document.keys().next()) {
        let keys: Vec<_> = document.keys().take(KEYS_IN_ERROR_MAX).cloned().collect();
        return Err(format!(
            "it has neither `resourceSpans` nor `resourceLogs` but {}; send OTLP/JSON requests",
            keys.join(", ")
        ));
    }
    walk(spans, SPANS, project, |item, origin, at| {
        let span = span(item, origin);
        let name = match &span {
            Err((_, name)) => name.clone(),
            Ok(_) => String::new(),
        };
        batch.span(span.map_err(|(reason, _)| reason), || {
            place(at.0, at.1, format_args!("span {}", at.2), &name)
        })
    })?;
    walk(logs, LOGS, project, |item, origin, at| {
        let index = batch.next_log_index();
        batch.log(log(item, origin, index), || {
            place(at.0, at.1, format_args!("log record {}", at.2), "")
        })
    })
}

type Names = (&'static str, &'static str);
/// Names of the scope list, of its name in old producers, and of the items.
const SPANS: (Names, Names, Names) = (
    ("scopeSpans", "scope_spans"),
    (
        "instrumentationLibrarySpans",
        "instrumentation_library_spans",
    ),
    ("spans", "spans"),
);
const LOGS: (Names, Names, Names) = (
    ("scopeLogs", "scope_logs"),
    ("instrumentationLibraryLogs", "instrumentation_library_logs"),
    ("logRecords", "log_records"),
);

fn walk(
    resources: Option<Value>,
    (scopes, libraries, items): (Names, Names, Names),
    project: Option<&String>,
    mut item: impl FnMut(Value, &SharedOrigin, (usize, usize, usize)) -> Result<(), String>,
) -> Result<(), String> {
    for (r, resource) in list(resources).into_iter().enumerate() {
        let mut resource = object(Some(resource));
        let mut described = object(take(&mut resource, "resource", "resource"));
        let (resource_attributes, _) =
            attributes(take(&mut described, "attributes", "attributes"), 0);
        let scopes = list(take(&mut resource, scopes.0, scopes.1))
            .into_iter()
            .chain(list(take(&mut resource, libraries.0, libraries.1)));
        for (s, scope) in scopes.enumerate() {
            let mut scope = object(Some(scope));
            let mut library = object(take(&mut scope, "scope", "scope").or_else(|| {
                take(
                    &mut scope,
                    "instrumentationLibrary",
                    "instrumentation_library",
                )
            }));
            let origin = batch::origin(
                resource_attributes.clone(),
                text(take(&mut library, "name", "name")),
                text(take(&mut library, "version", "version")),
                project,
            );
            for (i, found) in list(take(&mut scope, items.0, items.1))
                .into_iter()
                .enumerate()
            {
                item(found, &origin, (r, s, i))?;
            }
        }
    }
    Ok(())
}

/// A span, or why it is none together with its name.
fn span(item: Value, origin: &SharedOrigin) -> Result<RawSpan, (String, String)> {
    let mut span = object(Some(item));
    let name = text(take(&mut span, "name", "name"));
    let trace_id = take(&mut span, "traceId", "trace_id");
    let span_id = take(&mut span, "spanId", "span_id");
    let Some(trace_id) = trace_id_of(trace_id.as_ref()) else {
        return Err((bad_id("trace id", trace_id, 32), name));
    };
    let Some(span_id) = span_id_of(span_id.as_ref()) else {
        return Err((bad_id("span id", span_id, 16), name));
    };
    let (mut attributes, surplus) = attributes(take(&mut span, "attributes", "attributes"), 0);
    let events = list(take(&mut span, "events", "events"));
    let missing_events = events.len().saturating_sub(EVENTS_PER_SPAN_MAX);
    if missing_events > 0 {
        attributes.insert(DROPPED_EVENTS.to_owned(), Value::from(missing_events));
    }
    let dropped = take(
        &mut span,
        "droppedAttributesCount",
        "dropped_attributes_count",
    );
    let dropped = u32::try_from(unsigned(dropped.as_ref())).unwrap_or(u32::MAX);
    Ok(RawSpan {
        trace_id,
        span_id,
        parent_span_id: span_id_of(take(&mut span, "parentSpanId", "parent_span_id").as_ref()),
        name,
        start_ns: time(&mut span, "startTimeUnixNano", "start_time_unix_nano"),
        end_ns: time(&mut span, "endTimeUnixNano", "end_time_unix_nano"),
        status: status(take(&mut span, "status", "status")),
        attributes,
        events: events
            .into_iter()
            .take(EVENTS_PER_SPAN_MAX)
            .map(event)
            .collect(),
        dropped_attributes: dropped.saturating_add(surplus),
        origin: origin.clone(),
    })
}

fn event(item: Value) -> RawEvent {
    let mut event = object(Some(item));
    RawEvent {
        name: text(take(&mut event, "name", "name")),
        time_ns: time(&mut event, "timeUnixNano", "time_unix_nano"),
        attributes: attributes(take(&mut event, "attributes", "attributes"), 0).0,
    }
}

fn log(item: Value, origin: &SharedOrigin, index: u32) -> Result<Option<RawLog>, String> {
    let mut log = object(Some(item));
    let trace_id = trace_id_of(take(&mut log, "traceId", "trace_id").as_ref());
    let span_id = span_id_of(take(&mut log, "spanId", "span_id").as_ref());
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return Ok(None);
    };
    let (attributes, _) = attributes(take(&mut log, "attributes", "attributes"), 0);
    let time_ns = match time(&mut log, "timeUnixNano", "time_unix_nano") {
        0 => time(&mut log, "observedTimeUnixNano", "observed_time_unix_nano"),
        given => given,
    };
    let own_name = text(take(&mut log, "eventName", "event_name"));
    Ok(Some(RawLog {
        trace_id,
        span_id,
        event_name: batch::event_name(own_name, &attributes),
        time_ns,
        index,
        attributes,
        body: take(&mut log, "body", "body").map_or(Value::Null, |body| any_value(body, 0)),
        origin: origin.clone(),
    }))
}

fn status(status: Option<Value>) -> RawStatus {
    let mut status = object(status);
    let is_error = match take(&mut status, "code", "code") {
        Some(Value::String(code)) => {
            code == "2"
                || code
                    .rsplit('_')
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("error"))
        }
        Some(Value::Number(code)) => code.as_f64() == Some(2.0),
        _ => false,
    };
    RawStatus {
        is_error,
        message: text(take(&mut status, "message", "message")),
    }
}

/// Attributes by key, and how many had to be left out. Of a repeated key the last value counts.
fn attributes(pairs: Option<Value>, depth: usize) -> (Attributes, u32) {
    let pairs = list(pairs);
    let surplus = pairs.len().saturating_sub(ATTRIBUTES_MAX);
    let attributes = pairs.into_iter().take(ATTRIBUTES_MAX).map(|pair| {
        let mut pair = object(Some(pair));
        let key = text(take(&mut pair, "key", "key"));
        let value = take(&mut pair, "value", "value");
        (
            key,
            value.map_or(Value::Null, |value| any_value(value, depth)),
        )
    });
    (
        attributes.collect(),
        u32::try_from(surplus).unwrap_or(u32::MAX),
    )
}

/// What an `AnyValue` holds. What is no `AnyValue` (a bare number, say) is kept as it is.
fn any_value(value: Value, depth: usize) -> Value {
    if depth > ATTRIBUTE_DEPTH_MAX {
        return Value::from(TOO_DEEP);
    }
    let Value::Object(mut object_value) = value else {
        return value;
    };
    let mut held = |camel, snake| take(&mut object_value, camel, snake);
    if let Some(text) = held("stringValue", "string_value") {
        return text;
    }
    if let Some(value) = held("boolValue", "bool_value") {
        return match value.as_str() {
            Some(word) => Value::Bool(word.eq_ignore_ascii_case("true")),
            None => value,
        };
    }
    if let Some(value) = held("intValue", "int_value") {
        return integer(value);
    }
    if let Some(value) = held("doubleValue", "double_value") {
        return match value.as_str().map(str::parse) {
            Some(Ok(parsed)) => batch::double(parsed),
            _ => value,
        };
    }
    if let Some(array) = held("arrayValue", "array_value") {
        let values = list(take(&mut object(Some(array)), "values", "values"));
        return values
            .into_iter()
            .map(|item| any_value(item, depth + 1))
            .collect();
    }
    if let Some(pairs) = held("kvlistValue", "kvlist_value") {
        let values = take(&mut object(Some(pairs)), "values", "values");
        return Value::Object(attributes(values, depth + 1).0);
    }
    held("bytesValue", "bytes_value").unwrap_or(Value::Null)
}

fn integer(value: Value) -> Value {
    let parsed = match &value {
        Value::String(text) => text.trim().parse::<i64>().ok(),
        // A generic printer may have passed the number through a double.
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float as i64)),
        _ => None,
    };
    parsed.map_or(value, Value::from)
}

fn time(object: &mut Map<String, Value>, camel: &str, snake: &str) -> i64 {
    unix_ns(unsigned(take(object, camel, snake).as_ref()))
}

/// 0 for what is missing or no count.
fn unsigned(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Number(number)) => number
            .as_u64()
            .unwrap_or_else(|| number.as_f64().unwrap_or(0.0) as u64),
        _ => 0,
    }
}

fn trace_id_of(value: Option<&Value>) -> Option<TraceId> {
    let text = value?.as_str()?.trim();
    TraceId::parse_hex(text).or_else(|| TraceId::from_bytes(&BASE64.decode(text).ok()?))
}

fn span_id_of(value: Option<&Value>) -> Option<SpanId> {
    let text = value?.as_str()?.trim();
    SpanId::parse_hex(text).or_else(|| SpanId::from_bytes(&BASE64.decode(text).ok()?))
}

fn bad_id(what: &str, value: Option<Value>, digits: usize) -> String {
    let found = match value {
        None => "missing".to_owned(),
        Some(value) => domain::text::prefix(&value.to_string(), 80).to_owned(),
    };
    format!("the {what} is {found}; it must be {digits} hex digits, not all zero")
}

/// The value under either name; null counts as missing.
fn take(object: &mut Map<String, Value>, camel: &str, snake: &str) -> Option<Value> {
    let present = |value: &Value| !value.is_null();
    let found = object.remove(camel).filter(present);
    found.or_else(|| object.remove(snake).filter(present))
}

fn list(value: Option<Value>) -> Vec<Value> {
    value.map_or_else(Vec::new, array_or_single)
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}
