//! Collects what a record holds, within the bounds, and the small conversions that all encodings share.

use super::{Decoded, ITEMS_PER_RECORD_MAX, REJECTIONS_DESCRIBED_MAX, RejectedSpan, SharedOrigin};
use domain::raw::{Attributes, Origin, RawLog, RawSpan};
use domain::text;
use serde_json::Value;
use std::fmt::Display;
use std::sync::Arc;

/// Longest span name repeated in an error.
const NAME_IN_ERROR_BYTES_MAX: usize = 80;

/// Set on a span whose events were more than [`super::EVENTS_PER_SPAN_MAX`]: how many are missing.
pub(super) const DROPPED_EVENTS: &str = "colloquy.dropped_events";

#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) decoded: Decoded,
    items: usize,
}

impl Batch {
    /// Takes one span, or the reason why it is none. Fails when the record holds too many.
    pub(super) fn span(
        &mut self,
        span: Result<RawSpan, String>,
        at: impl FnOnce() -> String,
    ) -> Result<(), String> {
        self.count_item()?;
        match span {
            Ok(span) => self.decoded.spans.push(span),
            Err(reason) => self.reject(1, reason, at),
        }
        Ok(())
    }

    /// Takes one log record, `None` when it belongs to no span.
    pub(super) fn log(
        &mut self,
        log: Result<Option<RawLog>, String>,
        at: impl FnOnce() -> String,
    ) -> Result<(), String> {
        self.count_item()?;
        match log {
            Ok(Some(log)) => self.decoded.logs.push(log),
            Ok(None) => self.decoded.logs_without_span += 1,
            Err(reason) => self.reject(1, reason, at),
        }
        Ok(())
    }

    /// Gives up a resource, a scope or a document with the items in it, of which there may be more than can be told.
    pub(super) fn lose(&mut self, items: usize, reason: String, at: impl FnOnce() -> String) {
        self.reject(items.max(1), reason, || match items {
            0 => at(),
            1 => format!("{} with the item in it", at()),
            _ => format!("{} with the {items} items in it", at()),
        });
    }

    /// The position of the next log record within its export.
    pub(super) fn next_log_index(&self) -> u32 {
        u32::try_from(self.items).unwrap_or(u32::MAX)
    }

    fn reject(&mut self, items: usize, reason: String, at: impl FnOnce() -> String) {
        self.decoded.rejected_total += items;
        if self.decoded.rejected.len() < REJECTIONS_DESCRIBED_MAX {
            let at = at();
            self.decoded.rejected.push(RejectedSpan { reason, at });
        }
    }

    fn count_item(&mut self) -> Result<(), String> {
        self.items += 1;
        if self.items > ITEMS_PER_RECORD_MAX {
            return Err(format!(
                "more than {ITEMS_PER_RECORD_MAX} spans or log records in one record; let the producer send smaller batches"
            ));
        }
        Ok(())
    }
}

/// Where an item stands in its record, as people count in a dump of it.
pub(super) fn place(resource: usize, scope: usize, item: impl Display, name: &str) -> String {
    let name = text::prefix(name, NAME_IN_ERROR_BYTES_MAX);
    format!("resource {resource}, scope {scope}, {item} {name:?}")
}

pub(super) fn origin(
    resource: Attributes,
    scope_name: String,
    scope_version: String,
    project: Option<&String>,
) -> SharedOrigin {
    Arc::new(Origin {
        resource,
        scope_name,
        scope_version,
        project: project.cloned(),
    })
}

/// Unix nanoseconds; 0, which means "not given", for what a 64-bit signed count cannot hold (after the year 2262).
pub(super) fn unix_ns(nanos: u64) -> i64 {
    i64::try_from(nanos).unwrap_or(0)
}

/// What a JSON value is, for errors.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

pub(super) fn array_or_single(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        single => vec![single],
    }
}

/// JSON has no such numbers; their names keep what was said.
pub(super) fn double(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::from("NaN"),
        None if value > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}

/// Bytes of a bad id for an error message.
pub(super) fn shown(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => "missing".to_owned(),
        length if bytes.iter().all(|byte| *byte == 0) => format!("{length} zero bytes"),
        length => format!("{length} bytes"),
    }
}

/// The record's own name, or the attribute that older producers put it into.
pub(super) fn event_name(own: String, attributes: &Attributes) -> String {
    match attributes.get("event.name") {
        Some(Value::String(name)) if own.is_empty() => name.clone(),
        _ => own,
    }
}
