//! Sentry's ingest-spans version 1: one span a record, with typed attributes, any of which may be null.

use super::batch::{self, Batch};
use domain::ids::{SpanId, TraceId};
use domain::raw::{Attributes, RawSpan, RawStatus};
use domain::text::prefix;
use serde_json::{Map, Value};

/// Status words that are no failure. Everything else (`internal_error`, `not_found`, …) is.
const GOOD_STATUSES: [&str; 5] = ["ok", "cancelled", "unknown", "unset", ""];

/// Whether a JSON document is such a span rather than an OTLP request.
pub(super) fn is_one(document: &Value) -> bool {
    document.get("span_id").is_some() || document.get("trace_id").is_some()
}

pub(super) fn read(
    document: Value,
    project: Option<&String>,
    batch: &mut Batch,
) -> Result<(), String> {
    let Value::Object(fields) = document else {
        return Err("a span is not an object".to_owned());
    };
    let name = text(&fields, "name").unwrap_or_default().to_owned();
    batch.span(span(fields, project), || {
        format!("span {:?}", prefix(&name, 80))
    })
}

fn span(mut fields: Map<String, Value>, project: Option<&String>) -> Result<RawSpan, String> {
    let trace_id = id(&fields, "trace_id", TraceId::parse_hex)?;
    let span_id = id(&fields, "span_id", SpanId::parse_hex)?;
    let attributes = match fields.remove("attributes") {
        Some(Value::Object(typed)) => untyped(typed),
        None | Some(Value::Null) => Attributes::new(),
        Some(other) => {
            let found = batch::kind(&other);
            return Err(format!("`attributes` is {found}; it must be an object"));
        }
    };
    let own_project = match fields.get("project_id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let name = ["sentry.name", "sentry.description"];
    let name = text(&fields, "name").or_else(|| name.iter().find_map(|key| text(&attributes, key)));
    Ok(RawSpan {
        trace_id,
        span_id,
        parent_span_id: id(&fields, "parent_span_id", SpanId::parse_hex).ok(),
        name: name.unwrap_or_default().to_owned(),
        start_ns: seconds_ns(fields.get("start_timestamp")),
        end_ns: seconds_ns(fields.get("end_timestamp")),
        status: status(text(&fields, "status").unwrap_or_default(), &attributes),
        origin: batch::origin(
            Attributes::new(),
            text(&attributes, "sentry.sdk.name")
                .unwrap_or_default()
                .to_owned(),
            text(&attributes, "sentry.sdk.version")
                .unwrap_or_default()
                .to_owned(),
            // Who wrote the header knew the client's key; the payload says what the client says.
            project.or(own_project.as_ref()),
        ),
        attributes,
        events: Vec::new(),
        dropped_attributes: 0,
    })
}

/// Trace ids may be written as UUIDs with dashes.
fn id<I>(
    fields: &Map<String, Value>,
    name: &str,
    parse: impl Fn(&str) -> Option<I>,
) -> Result<I, String> {
    let given = fields.get(name).filter(|given| !given.is_null());
    let parsed = given.and_then(|given| parse(&given.as_str()?.replace('-', "")));
    parsed.ok_or_else(|| {
        let found = given.map_or_else(|| "missing".to_owned(), Value::to_string);
        let found = prefix(&found, 80);
        format!("`{name}` is {found}; it must be a text of hex digits, not all zero")
    })
}

/// Unwraps `{"type", "value"}`; what is no such object is the value itself. Nulls vanish; numbers take the declared type where that loses nothing, since computed
/// counts arrive as doubles.
fn untyped(typed: Map<String, Value>) -> Attributes {
    let unwrap = |(key, entry)| {
        let mut entry = match entry {
            Value::Object(entry) => entry,
            Value::Null => return None,
            bare => return Some((key, bare)),
        };
        let value = entry.remove("value").filter(|value| !value.is_null())?;
        let value = match entry.get("type").and_then(Value::as_str) {
            Some("integer") => integer(value),
            Some("double") => number(value),
            Some("boolean") => boolean(value),
            _ => value,
        };
        Some((key, value))
    };
    typed
        .into_iter()
        .filter_map(unwrap)
        .take(super::ATTRIBUTES_MAX)
        .collect()
}

fn integer(value: Value) -> Value {
    let whole = |float: f64| (float.fract() == 0.0 && float.abs() < 9e18).then_some(float as i64);
    let parsed = match &value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        _ => None,
    };
    parsed.map_or(value, Value::from)
}

fn number(value: Value) -> Value {
    match value.as_str().map(|text| text.trim().parse()) {
        Some(Ok(parsed)) => batch::double(parsed),
        _ => value,
    }
}

fn boolean(value: Value) -> Value {
    match value.as_str() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        _ => value,
    }
}

/// Version 2 spans say only `ok` or `error`; the finer word, where there is one, is an attribute. A cancelled call is
/// no failure, though some SDKs call it an error.
fn status(word: &str, attributes: &Attributes) -> RawStatus {
    let message = text(attributes, "sentry.status.message");
    let finer = message.or_else(|| text(attributes, "sentry.status"));
    let is_good = |word: &str| GOOD_STATUSES.contains(&word);
    let is_error = !is_good(word) && finer != Some("cancelled");
    let detail = match finer {
        Some(finer) => finer,
        None if word != "error" && is_error => word,
        None => "",
    };
    RawStatus {
        is_error,
        message: if is_error {
            detail.to_owned()
        } else {
            String::new()
        },
    }
}

/// Unix seconds, as a number or as text, to the microsecond they are precise to.
fn seconds_ns(value: Option<&Value>) -> i64 {
    let seconds = match value {
        Some(Value::Number(seconds)) => seconds.as_f64(),
        Some(Value::String(seconds)) => seconds.trim().parse().ok(),
        _ => None,
    };
    let micros = (seconds.unwrap_or(0.0) * 1e6).round();
    if micros.is_finite() && (0.0..9.2e15).contains(&micros) {
        micros as i64 * 1_000
    } else {
        0
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = fields.get(name)?.as_str()?;
    (!text.is_empty()).then_some(text)
}
