//! Sentry envelopes, as SDKs post them, become the records that Sentry Relay would write to Kafka.
//!
//! Three shapes are on the wire: containers of version 2 spans next to a transaction (today's default), transactions
//! with all spans inside (older SDKs), and containers alone (span streaming). Each span becomes one ingest-spans
//! version 1 record. What concerns all spans of an envelope but is said only once (user, release, environment) is
//! copied to each; on spans of AI calls, names become those that Relay writes. Error events become log records.

mod attributes;
mod classic;
mod errors;
mod framing;
mod record;
mod relay;
mod shared;
mod time;
mod version2;

#[cfg(test)]
mod tests;

use crate::ids::TraceId;
use crate::json;
use framing::Item;
use serde_json::{Map, Value};
use shared::SharedFields;
use std::collections::BTreeMap;

/// Items of one envelope. Relay takes some hundreds at most.
pub const ITEMS_MAX: usize = 1_000;
/// Spans of one envelope. Sentry drops an envelope of more than a thousand; SDKs flush at a thousand.
pub const SPANS_MAX: usize = 10_000;
/// Rejected items and spans that are described one by one; the rest is only counted.
pub const REJECTIONS_DESCRIBED_MAX: usize = 20;
/// The schema demands a retention; ours is the store's, so this is only a plausible number for other readers.
pub const RETENTION_DAYS: u16 = 90;

/// What the receiver knows and the envelope does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    pub organization_id: u64,
    pub project_id: u64,
    pub key_id: Option<u64>,
    /// Unix seconds at which the envelope arrived.
    pub received_s: f64,
}

/// What an envelope held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// The id to answer the SDK with, as it was given.
    pub event_id: Option<String>,
    pub records: Vec<Record>,
    /// Error events, each an OTLP/JSON export of one log record of the span that it names.
    pub errors: Vec<Record>,
    /// Items of other kinds (sessions, reports, errors outside of any span, …), how many of each.
    pub skipped: BTreeMap<String, usize>,
    /// Why items or spans were left out, the first [`REJECTIONS_DESCRIBED_MAX`] of them.
    pub rejected: Vec<String>,
    pub rejected_total: usize,
}

/// One record (of a span: ingest-spans version 1) and the key it belongs under.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub trace_id: TraceId,
    pub body: Value,
}

/// Why a whole envelope cannot be read; the text says what and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("the envelope is empty")]
    Empty,
    #[error("the envelope's header line is not a JSON object: {0}")]
    Header(String),
    #[error("item {index}: its header line is not a JSON object: {reason}")]
    ItemHeader { index: usize, reason: String },
    #[error("item {index} ({kind}): its header promises {promised} bytes, {left} are left")]
    TooShort {
        index: usize,
        kind: String,
        promised: usize,
        left: usize,
    },
    #[error("item {index} ({kind}): no line feed after the {promised} bytes its header promises")]
    WrongLength {
        index: usize,
        kind: String,
        promised: usize,
    },
    #[error("more than {ITEMS_MAX} items")]
    TooManyItems,
    #[error("more than {SPANS_MAX} spans; flush more often")]
    TooManySpans,
}

/// Reads a decompressed envelope.
pub fn read(bytes: &[u8], context: &Context) -> Result<Envelope, EnvelopeError> {
    let (header, items) = framing::split(bytes)?;
    let mut envelope = Envelope {
        event_id: text(&header, "event_id").map(str::to_owned),
        ..Envelope::default()
    };
    let items = parse(items, &mut envelope);
    let shared = SharedFields::of(&header, items.iter().filter_map(Parsed::transaction));
    let mut writer = Writer {
        context,
        shared: &shared,
        envelope: &mut envelope,
    };
    for item in items {
        match item {
            Parsed::Transaction(event) => classic::transaction(event, &mut writer)?,
            Parsed::Container(container, at) => version2::container(container, &at, &mut writer)?,
            Parsed::LoneSpan(span, at) => classic::lone_span(span, &at, &mut writer)?,
        }
    }
    Ok(envelope)
}

enum Parsed {
    Transaction(Map<String, Value>),
    Container(Map<String, Value>, String),
    LoneSpan(Map<String, Value>, String),
}

impl Parsed {
    fn transaction(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Transaction(event) => Some(event),
            _ => None,
        }
    }
}

/// Reads the payloads of the items that hold spans or errors; counts the others.
fn parse(items: Vec<Item<'_>>, envelope: &mut Envelope) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    for item in items {
        if item.kind == "event"
            && let Ok(Value::Object(event)) = json::document(item.payload)
            && let Some(record) = errors::record(&event)
        {
            envelope.errors.push(record);
            continue;
        }
        if !matches!(item.kind.as_str(), "transaction" | "span") {
            *envelope.skipped.entry(item.kind).or_default() += 1;
            continue;
        }
        let at = format!("item {} ({})", item.index, item.kind);
        match json::document(item.payload) {
            Ok(Value::Object(body)) if item.kind == "transaction" => {
                parsed.push(Parsed::Transaction(body));
            }
            Ok(Value::Object(body)) if body.contains_key("items") => {
                parsed.push(Parsed::Container(body, at));
            }
            Ok(Value::Object(body)) => parsed.push(Parsed::LoneSpan(body, at)),
            Ok(_) => envelope.reject(format!("{at}: the payload is not a JSON object")),
            Err(error) => envelope.reject(format!("{at}: the payload is not valid JSON: {error}")),
        }
    }
    parsed
}

impl Envelope {
    fn reject(&mut self, reason: String) {
        self.rejected_total += 1;
        if self.rejected.len() < REJECTIONS_DESCRIBED_MAX {
            self.rejected.push(reason);
        }
    }
}

/// Where the readers of the shapes put their spans.
struct Writer<'a> {
    context: &'a Context,
    shared: &'a SharedFields,
    envelope: &'a mut Envelope,
}

impl Writer<'_> {
    fn span(
        &mut self,
        span: record::Draft,
        at: impl FnOnce() -> String,
    ) -> Result<(), EnvelopeError> {
        if self.envelope.records.len() + self.envelope.rejected_total >= SPANS_MAX {
            return Err(EnvelopeError::TooManySpans);
        }
        match span.finish(self.context, self.shared, self.envelope.event_id.as_deref()) {
            Ok(record) => self.envelope.records.push(record),
            Err(reason) => self.envelope.reject(format!("{}: {reason}", at())),
        }
        Ok(())
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn object<'a>(parent: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    parent.get(key)?.as_object()
}
