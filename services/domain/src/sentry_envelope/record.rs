//! A span on its way to becoming an ingest-spans version 1 record.

use super::attributes::TypedAttributes;
use super::shared::SharedFields;
use super::{Context, RETENTION_DAYS, Record, relay, time};
use crate::ids::{SpanId, TraceId};
use crate::text::prefix;
use serde_json::{Map, Value, json};

/// Status words that are no failure. Version 2 knows only `ok` and `error`.
const GOOD_STATUSES: [&str; 5] = ["ok", "cancelled", "unknown", "unset", ""];

/// What all shapes have in common.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) trace_id: Option<Value>,
    pub(super) span_id: Option<Value>,
    pub(super) parent_span_id: Option<Value>,
    pub(super) start: Option<Value>,
    pub(super) end: Option<Value>,
    pub(super) name: Option<String>,
    /// In the SDK's words.
    pub(super) status: Option<String>,
    pub(super) is_segment: Option<bool>,
    pub(super) links: Option<Value>,
    pub(super) attributes: TypedAttributes,
}

impl Draft {
    /// The record, or what is wrong with the span.
    pub(super) fn finish(
        mut self,
        context: &Context,
        shared: &SharedFields,
        event_id: Option<&str>,
    ) -> Result<Record, String> {
        let trace_id = id("trace_id", self.trace_id.as_ref(), 32, TraceId::parse_hex)?;
        let span_id = id("span_id", self.span_id.as_ref(), 16, SpanId::parse_hex)?;
        let parent = id(
            "parent_span_id",
            self.parent_span_id.as_ref(),
            16,
            SpanId::parse_hex,
        )
        .ok();
        let start = time::seconds(self.start.as_ref());
        let end = time::seconds(self.end.as_ref());
        let (Some(start), end) = (start.or(end), end) else {
            return Err("it has neither a start nor an end timestamp".to_owned());
        };
        let word = self.status.as_deref().unwrap_or_default();
        let is_good = GOOD_STATUSES.contains(&word);
        if !word.is_empty() && !matches!(word, "ok" | "error") {
            self.attributes.add("sentry.status", word);
        }
        shared.complete(trace_id, &mut self.attributes);
        relay::normalise(&mut self.attributes);
        let mut body = json!({
            "organization_id": context.organization_id,
            "project_id": context.project_id,
            "received": context.received_s,
            "retention_days": RETENTION_DAYS,
            "trace_id": trace_id,
            "span_id": span_id,
            "parent_span_id": parent,
            "start_timestamp": start,
            "end_timestamp": end.unwrap_or(start),
            "name": self.name,
            "status": if is_good { "ok" } else { "error" },
            "is_segment": self.is_segment,
            "attributes": self.attributes.into_value(),
        });
        let mut optional = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[key] = value;
            }
        };
        optional("key_id", context.key_id.map(Value::from));
        optional("event_id", event_id.map(Value::from));
        optional("links", self.links);
        Ok(Record { trace_id, body })
    }
}

fn id<I>(
    name: &str,
    value: Option<&Value>,
    digits: usize,
    parse: impl Fn(&str) -> Option<I>,
) -> Result<I, String> {
    let given = value.and_then(Value::as_str).unwrap_or_default();
    parse(&given.replace('-', "")).ok_or_else(|| {
        let given = prefix(given, 80);
        format!("`{name}` is {given:?}; it must be {digits} hex digits, not all zero")
    })
}

/// Takes a text field out of a span.
pub(super) fn take_text(fields: &mut Map<String, Value>, key: &str) -> Option<String> {
    match fields.remove(key)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
