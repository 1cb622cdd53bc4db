//! OTLP/JSON, read as liberally as the Collector reads it: names in camel case or snake case, enums by name or number,
//! integers as number or text, ids in hex or base64, and anything missing or null.

use super::batch::{self, Batch, DROPPED_EVENTS, place, unix_ns};
use super::json_values::{any_value, attributes, list, object, take, text, unsigned};
use super::{EVENTS_PER_SPAN_MAX, SharedOrigin, Unread};
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use domain::ids::{SpanId, TraceId};
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
) -> Result<(), Unread> {
    let Value::Object(mut document) = document else {
        return Err(Unread::Document(
            "a document is not an object; OTLP/JSON begins with `resourceSpans`".to_owned(),
        ));
    };
    let spans = take(&mut document, "resourceSpans", "resource_spans");
    let logs = take(&mut document, "resourceLogs", "resource_logs");
    if let (None, None, Some(_)) = (&spans, &logs, document.keys().next()) {
        let keys: Vec<_> = document.keys().take(KEYS_IN_ERROR_MAX).cloned().collect();
        return Err(Unread::Document(format!(
            "it has neither `resourceSpans` nor `resourceLogs` but {}; send OTLP/JSON requests",
            keys.join(", ")
        )));
    }
    let of_spans = walk(spans, SPANS, project, batch, |batch, item, origin, at| {
        let (name, span) = span(item, origin);
        batch.span(span, || {
            place(at.0, at.1, format_args!("span {}", at.2), &name)
        })
    });
    let of_logs = |()| {
        walk(logs, LOGS, project, batch, |batch, item, origin, at| {
            let index = batch.next_log_index();
            batch.log(log(item, origin, index), || {
                place(at.0, at.1, format_args!("log record {}", at.2), "")
            })
        })
    };
    of_spans.and_then(of_logs).map_err(Unread::Record)
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

/// Hands out each item with its place. A resource or a scope that is none costs the items in it: whose they are, and
/// what they mean, would be a guess.
fn walk(
    resources: Option<Value>,
    (scopes, libraries, items): (Names, Names, Names),
    project: Option<&String>,
    batch: &mut Batch,
    item: impl Fn(&mut Batch, Value, &SharedOrigin, (usize, usize, usize)) -> Result<(), String>,
) -> Result<(), String> {
    for (r, resource) in list(resources).into_iter().enumerate() {
        let mut resource = match object(Some(resource)) {
            Ok(resource) => resource,
            Err(reason) => {
                batch.lose(0, reason, || format!("resource {r}"));
                continue;
            }
        };
        let mut below = list(take(&mut resource, scopes.0, scopes.1));
        below.extend(list(take(&mut resource, libraries.0, libraries.1)));
        let resource = match described(&mut resource) {
            Ok(attributes) => attributes,
            Err(reason) => {
                let lost = below.iter().map(|scope| count(scope, items)).sum();
                batch.lose(lost, reason, || format!("resource {r}"));
                continue;
            }
        };
        for (s, scope) in below.into_iter().enumerate() {
            let lost = count(&scope, items);
            let (library, found) = match scope_of(scope, items) {
                Ok(read) => read,
                Err(reason) => {
                    batch.lose(lost, reason, || format!("resource {r}, scope {s}"));
                    continue;
                }
            };
            let (name, version) = library;
            let origin = batch::origin(resource.clone(), name, version, project);
            for (i, found) in found.into_iter().enumerate() {
                item(batch, found, &origin, (r, s, i))?;
            }
        }
    }
    Ok(())
}

/// The attributes of a resource. One broken attribute is enough to give it up, since any may name the project.
fn described(resource: &mut Map<String, Value>) -> Result<Attributes, String> {
    let described = object(take(resource, "resource", "resource"));
    let mut described = described.map_err(|reason| format!("`resource`: {reason}"))?;
    Ok(attributes(take(&mut described, "attributes", "attributes"), 0)?.0)
}

/// Name and version of a scope, and its items.
fn scope_of(scope: Value, items: Names) -> Result<((String, String), Vec<Value>), String> {
    let mut scope = object(Some(scope))?;
    let (old, old_snake) = ("instrumentationLibrary", "instrumentation_library");
    let library = take(&mut scope, "scope", "scope").or_else(|| take(&mut scope, old, old_snake));
    let mut library = object(library).map_err(|reason| format!("`scope`: {reason}"))?;
    let mut text_of = |name| {
        let text = text(take(&mut library, name, name));
        text.map_err(|reason| format!("`scope.{name}`: {reason}"))
    };
    let library = (text_of("name")?, text_of("version")?);
    Ok((library, list(take(&mut scope, items.0, items.1))))
}

/// How many items a scope holds.
fn count(scope: &Value, items: Names) -> usize {
    let found = [items.0, items.1]
        .into_iter()
        .find_map(|name| scope.get(name));
    found.and_then(Value::as_array).map_or(0, Vec::len)
}

/// The name of a span, and the span, or why it is none.
fn span(item: Value, origin: &SharedOrigin) -> (String, Result<RawSpan, String>) {
    match object(Some(item)) {
        Ok(mut span) => match named(&mut span, "name", "name") {
            Ok(name) => {
                let read = named_span(span, name.clone(), origin);
                (name, read)
            }
            Err(reason) => (String::new(), Err(reason)),
        },
        Err(reason) => (String::new(), Err(reason)),
    }
}

fn named_span(
    mut span: Map<String, Value>,
    name: String,
    origin: &SharedOrigin,
) -> Result<RawSpan, String> {
    let trace_id = take(&mut span, "traceId", "trace_id");
    let span_id = take(&mut span, "spanId", "span_id");
    let Some(trace_id) = trace_id_of(trace_id.as_ref()) else {
        return Err(bad_id("trace id", trace_id, 32));
    };
    let Some(span_id) = span_id_of(span_id.as_ref()) else {
        return Err(bad_id("span id", span_id, 16));
    };
    let (mut attributes, surplus) = attributes(take(&mut span, "attributes", "attributes"), 0)?;
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
    let dropped = unsigned(dropped.as_ref(), "droppedAttributesCount")?;
    let dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
    let parent = take(&mut span, "parentSpanId", "parent_span_id");
    let parent_span_id = span_id_of(parent.as_ref());
    if parent_span_id.is_none() && !is_no_id(parent.as_ref()) {
        return Err(bad_id("parent span id", parent, 16));
    }
    Ok(RawSpan {
        trace_id,
        span_id,
        parent_span_id,
        name,
        start_ns: time(&mut span, "startTimeUnixNano", "start_time_unix_nano")?,
        end_ns: time(&mut span, "endTimeUnixNano", "end_time_unix_nano")?,
        status: status(take(&mut span, "status", "status"))?,
        attributes,
        events: events
            .into_iter()
            .take(EVENTS_PER_SPAN_MAX)
            .map(event)
            .collect::<Result<_, _>>()?,
        dropped_attributes: dropped.saturating_add(surplus),
        origin: origin.clone(),
    })
}

fn event(item: Value) -> Result<RawEvent, String> {
    let mut event = object(Some(item)).map_err(|reason| format!("bad event: {reason}"))?;
    Ok(RawEvent {
        name: named(&mut event, "name", "name")?,
        time_ns: time(&mut event, "timeUnixNano", "time_unix_nano")?,
        attributes: attributes(take(&mut event, "attributes", "attributes"), 0)?.0,
    })
}

fn log(item: Value, origin: &SharedOrigin, index: u32) -> Result<Option<RawLog>, String> {
    let mut log = object(Some(item))?;
    let trace = take(&mut log, "traceId", "trace_id");
    let span = take(&mut log, "spanId", "span_id");
    let (trace_id, span_id) = match (trace_id_of(trace.as_ref()), span_id_of(span.as_ref())) {
        (Some(trace_id), Some(span_id)) => (trace_id, span_id),
        (None, _) if !is_no_id(trace.as_ref()) => return Err(bad_id("trace id", trace, 32)),
        (_, None) if !is_no_id(span.as_ref()) => return Err(bad_id("span id", span, 16)),
        _ => return Ok(None),
    };
    let (attributes, _) = attributes(take(&mut log, "attributes", "attributes"), 0)?;
    let time_ns = match (
        time(&mut log, "timeUnixNano", "time_unix_nano")?,
        time(&mut log, "observedTimeUnixNano", "observed_time_unix_nano")?,
    ) {
        (0, observed) => observed,
        (given, _) => given,
    };
    let own_name = named(&mut log, "eventName", "event_name")?;
    Ok(Some(RawLog {
        trace_id,
        span_id,
        event_name: batch::event_name(own_name, &attributes),
        time_ns,
        index,
        attributes,
        body: take(&mut log, "body", "body").map_or(Ok(Value::Null), |body| any_value(body, 0))?,
        origin: origin.clone(),
    }))
}

fn status(status: Option<Value>) -> Result<RawStatus, String> {
    let mut status = object(status).map_err(|reason| format!("`status`: {reason}"))?;
    let is_error = match take(&mut status, "code", "code") {
        Some(Value::String(code)) => {
            code == "2"
                || code
                    .rsplit('_')
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("error"))
        }
        Some(Value::Number(code)) => code.as_f64() == Some(2.0),
        Some(other @ (Value::Array(_) | Value::Object(_))) => {
            let found = batch::kind(&other);
            return Err(format!("`status.code`: {found} where a number belongs"));
        }
        _ => false,
    };
    let message = text(take(&mut status, "message", "message"));
    Ok(RawStatus {
        is_error,
        message: message.map_err(|reason| format!("`status.message`: {reason}"))?,
    })
}

fn time(object: &mut Map<String, Value>, camel: &str, snake: &str) -> Result<i64, String> {
    unsigned(take(object, camel, snake).as_ref(), camel).map(unix_ns)
}

fn named(object: &mut Map<String, Value>, camel: &str, snake: &str) -> Result<String, String> {
    let name = text(take(object, camel, snake));
    name.map_err(|reason| format!("`{camel}`: {reason}"))
}

/// Whether a value says that there is no id: missing, empty or all zero, in hex or in base64.
fn is_no_id(value: Option<&Value>) -> bool {
    let text = match value {
        None => return true,
        Some(Value::String(text)) => text.trim(),
        Some(_) => return false,
    };
    let is_zero =
        |bytes: Vec<u8>| matches!(bytes.len(), 8 | 16) && bytes.iter().all(|byte| *byte == 0);
    text.bytes().all(|digit| digit == b'0') || BASE64.decode(text).is_ok_and(is_zero)
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
