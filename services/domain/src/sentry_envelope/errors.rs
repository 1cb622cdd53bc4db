//! Error events become log records of the span that their trace context names, in OTLP/JSON: so they find their way as
//! any log does, in whatever order error and span come.

use super::shared::{from_event, trace_id};
use super::{Record, object, text, time};
use crate::ids::SpanId;
use crate::normalise::REPORTED_ERROR as EVENT_NAME;
use crate::text::prefix;
use serde_json::{Map, Value, json};

/// Longest message that is passed on; what is longer is a response body.
const MESSAGE_BYTES_MAX: usize = 8_192;

/// The record of an event; `None` where it is no error, or no span is known that it belongs to.
pub(super) fn record(event: &Map<String, Value>) -> Option<Record> {
    let trace = object(object(event, "contexts")?, "trace")?;
    let trace_id = trace_id(trace)?;
    let span_id = SpanId::parse_hex(&text(trace, "span_id")?.replace('-', ""))?;
    let level = text(event, "level").unwrap_or("error");
    if !matches!(level, "error" | "fatal" | "critical") {
        return None;
    }
    let exception = thrown(event);
    let message = match exception {
        Some(exception) => exception.get("value").and_then(plain),
        None => Some(message(event)?),
    };
    let kind = exception.and_then(|exception| text(exception, "type"));
    if kind.is_none() && message.is_none() {
        return None;
    }
    let mut attributes = Vec::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            attributes.push(json!({"key": key, "value": value}));
        }
    };
    let told = |text: &str| json!({"stringValue": text});
    add("exception.type", kind.map(told));
    let message = message.as_deref();
    add(
        "exception.message",
        message.map(|message| told(prefix(message, MESSAGE_BYTES_MAX))),
    );
    add("sentry.event_id", text(event, "event_id").map(told));
    add("sentry.level", Some(told(level)));
    add(
        "sentry.mechanism.handled",
        handled(event, exception).map(|handled| json!({"boolValue": handled})),
    );
    let mut shared = Vec::new();
    from_event(event, &mut shared);
    for (key, value) in shared {
        add(key, value.as_str().map(told));
    }
    let seconds = time::seconds(event.get("timestamp")).unwrap_or(0.0);
    let body = json!({"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {"name": "sentry"}, "logRecords": [{
        "timeUnixNano": nanoseconds(seconds).to_string(), "traceId": trace_id, "spanId": span_id,
        "eventName": EVENT_NAME, "severityText": level, "attributes": attributes,
    }]}]}]});
    Some(Record { trace_id, body })
}

/// Whole microseconds, which is what SDKs give.
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64 * 1_000
}

/// The exceptions from the first cause to the one that was thrown last: `{"values": […]}`, a list, or one alone.
fn exceptions(event: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let exception = event.get("exception");
    let values = match exception {
        Some(Value::Object(map)) => match map.get("values") {
            Some(Value::Array(values)) => values.iter().collect(),
            _ => exception.into_iter().collect(),
        },
        Some(Value::Array(values)) => values.iter().collect(),
        _ => Vec::new(),
    };
    values.into_iter().filter_map(Value::as_object).collect()
}

fn thrown(event: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let says = |exception: &&Map<String, Value>| {
        text(exception, "type").is_some() || exception.get("value").is_some_and(|v| !v.is_null())
    };
    exceptions(event).into_iter().rev().find(says)
}

/// Whether somebody caught it: as the exception says, else any of its causes.
fn handled(event: &Map<String, Value>, thrown: Option<&Map<String, Value>>) -> Option<bool> {
    let says =
        |exception: &Map<String, Value>| object(exception, "mechanism")?.get("handled")?.as_bool();
    let causes = || exceptions(event).into_iter().rev().find_map(says);
    thrown.and_then(says).or_else(causes)
}

/// What was said where nothing was thrown.
fn message(event: &Map<String, Value>) -> Option<String> {
    ["logentry", "message"].into_iter().find_map(|key| {
        match event.get(key)? {
            Value::Object(entry) => text(entry, "formatted").or_else(|| text(entry, "message")),
            value => value.as_str().filter(|text| !text.is_empty()),
        }
        .map(str::to_owned)
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn event(more: Value) -> Map<String, Value> {
        let mut event = json!({
            "event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "timestamp": 1_795_415_018.25,
            "contexts": {"trace": {"trace_id": TRACE, "span_id": "b7ad6b7169203331"}},
            "user": {"id": 7},
        });
        for (key, value) in more.as_object().expect("an object") {
            event[key] = value.clone();
        }
        match event {
            Value::Object(event) => event,
            _ => unreachable!("made as one"),
        }
    }

    /// Type, message, whether it was handled.
    fn read(more: Value) -> Option<(Value, Value, Value)> {
        let record = record(&event(more))?;
        let log = &record.body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let value = |key: &str, of: &str| {
            let attributes = log["attributes"].as_array().expect("a list");
            let found = attributes.iter().find(|attribute| attribute["key"] == key);
            found.map_or(Value::Null, |attribute| attribute["value"][of].clone())
        };
        Some((
            value("exception.type", "stringValue"),
            value("exception.message", "stringValue"),
            value("sentry.mechanism.handled", "boolValue"),
        ))
    }

    #[test]
    fn an_event_is_a_record_of_the_span_that_it_names() {
        let thrown =
            json!({"exception": {"values": [{"type": "Timeout", "value": "took too long"}]}});
        let record = record(&event(thrown)).expect("a record");
        assert_eq!(record.trace_id.to_string(), TRACE);
        let log = &record.body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["traceId"], TRACE);
        assert_eq!(log["spanId"], "b7ad6b7169203331");
        assert_eq!(log["timeUnixNano"], "1795415018250000000");
        assert_eq!(log["eventName"], EVENT_NAME);
    }

    #[test]
    fn exceptions_come_in_every_shape_that_sdks_write() {
        let told = |kind: &str, message: &str, handled: Value| {
            let or_null = |text: &str| match text {
                "" => Value::Null,
                text => json!(text),
            };
            Some((or_null(kind), or_null(message), handled))
        };
        for (more, wanted) in [
            (
                json!({"exception": {"values": [{"type": "A", "value": "a", "mechanism": {"type": "generic", "handled": false}}]}}),
                told("A", "a", json!(false)),
            ),
            (
                json!({"exception": {"values": [{"type": "A", "value": "a", "mechanism": {"handled": true}}]}}),
                told("A", "a", json!(true)),
            ),
            // Python: the cause first.
            (
                json!({"exception": {"values": [{"type": "Cause", "value": "c"}, {"type": "A", "value": "a"}]}}),
                told("A", "a", Value::Null),
            ),
            (
                json!({"exception": {"values": [{"type": "Cause", "value": "c", "mechanism": {"handled": false}}, {"type": "A", "value": "a"}]}}),
                told("A", "a", json!(false)),
            ),
            (
                json!({"exception": {"values": [{"type": "A", "value": "a"}, null, {}]}}),
                told("A", "a", Value::Null),
            ),
            (
                json!({"exception": [{"type": "A", "value": "a"}]}),
                told("A", "a", Value::Null),
            ),
            (
                json!({"exception": {"type": "A", "value": "a"}}),
                told("A", "a", Value::Null),
            ),
            (
                json!({"exception": {"values": [{"type": "A", "value": ""}]}}),
                told("A", "", Value::Null),
            ),
            (
                json!({"exception": {"values": [{"type": "A", "value": null}]}}),
                told("A", "", Value::Null),
            ),
            (
                json!({"exception": {"values": [{"value": {"code": 7}}]}}),
                told("", "{\"code\":7}", Value::Null),
            ),
            (
                json!({"exception": {"values": [{"type": "A", "value": "a", "mechanism": null}]}, "level": "fatal"}),
                told("A", "a", Value::Null),
            ),
            (
                json!({"logentry": {"message": "broke %s", "formatted": "broke it"}}),
                told("", "broke it", Value::Null),
            ),
            (json!({"message": "broke"}), told("", "broke", Value::Null)),
            (
                json!({"message": {"message": "broke"}, "level": "error"}),
                told("", "broke", Value::Null),
            ),
            // What is no failure, or belongs to no span.
            (json!({"message": "by the way", "level": "info"}), None),
            (
                json!({"exception": {"values": [{"type": "A"}]}, "level": "warning"}),
                None,
            ),
            (json!({"exception": {"values": []}}), None),
            (json!({"exception": null}), None),
            (json!({}), None),
            (json!({"message": "broke", "contexts": {}}), None),
            (
                json!({"message": "broke", "contexts": {"trace": {"trace_id": TRACE}}}),
                None,
            ),
            (
                json!({"message": "broke", "contexts": {"trace": {"trace_id": "no", "span_id": "b7ad6b7169203331"}}}),
                None,
            ),
            (json!({"message": "broke", "contexts": null}), None),
        ] {
            assert_eq!(read(more.clone()), wanted, "{more}");
        }
    }
}
