//! Transactions and their spans as older SDKs write them, and the transaction as a span of its own.
//!
//! Without a surrounding request the transaction itself is the AI span. Then all that is known of it lies in
//! `contexts.trace` and its `data`, even when other AI spans travel in a container.

use super::attributes::TypedAttributes;
use super::record::{Draft, take_text};
use super::{EnvelopeError, Writer, object, text};
use serde_json::{Map, Value};

/// Where JavaScript SDKs say how many messages there were before they cut the input, and where we say it for Python's,
/// which put the same number into the event's `_meta`.
const ORIGINAL_LENGTH: &str = "sentry.sdk_meta.gen_ai.input.messages.original_length";
const INPUTS: [&str; 2] = ["gen_ai.request.messages", "gen_ai.input.messages"];

pub(super) fn transaction(
    mut event: Map<String, Value>,
    writer: &mut Writer<'_>,
) -> Result<(), EnvelopeError> {
    let spans = match event.remove("spans") {
        Some(Value::Array(spans)) => spans,
        _ => Vec::new(),
    };
    let meta = match event.remove("_meta") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    let root = root(event, &meta);
    let trace_id = root.trace_id.clone();
    let root_id = root.span_id.clone();
    writer.span(root, || "the transaction".to_owned())?;
    for (index, span) in spans.into_iter().enumerate() {
        let mut draft = match span {
            Value::Object(fields) => draft(fields),
            _ => Draft::default(),
        };
        draft.trace_id = draft.trace_id.or_else(|| trace_id.clone());
        draft.parent_span_id = draft.parent_span_id.or_else(|| root_id.clone());
        let span_meta = object(&meta, "spans").and_then(|spans| object(spans, &index.to_string()));
        add_original_length(&mut draft.attributes, span_meta);
        writer.span(draft, || format!("span {index} of the transaction"))?;
    }
    Ok(())
}

/// A span that travels as an item of its own.
pub(super) fn lone_span(
    fields: Map<String, Value>,
    at: &str,
    writer: &mut Writer<'_>,
) -> Result<(), EnvelopeError> {
    writer.span(draft(fields), || at.to_owned())
}

fn root(mut event: Map<String, Value>, meta: &Map<String, Value>) -> Draft {
    let contexts = event.get_mut("contexts").and_then(Value::as_object_mut);
    let trace = contexts.and_then(|contexts| contexts.remove("trace"));
    let mut trace = match trace {
        Some(Value::Object(trace)) => trace,
        _ => Map::new(),
    };
    for (of_event, of_span) in [
        ("start_timestamp", "start_timestamp"),
        ("timestamp", "timestamp"),
        ("tags", "tags"),
        ("measurements", "measurements"),
    ] {
        if let Some(value) = event.remove(of_event) {
            trace.insert(of_span.to_owned(), value);
        }
    }
    let name = take_text(&mut event, "transaction");
    let mut draft = draft(trace);
    draft.name = name.or(draft.name);
    draft.is_segment = Some(true);
    let trace_meta = object(meta, "contexts").and_then(|contexts| object(contexts, "trace"));
    add_original_length(&mut draft.attributes, trace_meta);
    draft
}

fn draft(mut fields: Map<String, Value>) -> Draft {
    let op = take_text(&mut fields, "op");
    let description = take_text(&mut fields, "description");
    let mut attributes = TypedAttributes::default();
    attributes.add_text("sentry.op", op.as_deref());
    attributes.add_text("sentry.description", description.as_deref());
    attributes.add_text("sentry.origin", text(&fields, "origin"));
    if let Some(Value::Object(data)) = fields.remove("data") {
        attributes.add_all(data);
    }
    if let Some(tags) = fields.remove("tags") {
        attributes.add_all(pairs(tags));
    }
    if let Some(Value::Object(measurements)) = fields.remove("measurements") {
        for (key, measurement) in measurements {
            attributes.add(&key, measurement.get("value").cloned().unwrap_or_default());
        }
    }
    Draft {
        trace_id: fields.remove("trace_id").filter(|id| !id.is_null()),
        span_id: fields.remove("span_id"),
        parent_span_id: fields.remove("parent_span_id").filter(|id| !id.is_null()),
        start: fields.remove("start_timestamp"),
        end: fields.remove("timestamp"),
        name: description.or(op),
        status: take_text(&mut fields, "status"),
        is_segment: Some(
            fields
                .get("is_segment")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        ),
        links: fields.remove("links").filter(Value::is_array),
        attributes,
    }
}

/// Tags are an object, or in old SDKs a list of pairs.
fn pairs(tags: Value) -> Map<String, Value> {
    match tags {
        Value::Object(tags) => tags,
        Value::Array(tags) => tags
            .into_iter()
            .filter_map(|pair| match pair {
                Value::Array(mut pair) if pair.len() == 2 => {
                    let value = pair.pop()?;
                    Some((pair.pop()?.as_str()?.to_owned(), value))
                }
                _ => None,
            })
            .collect(),
        _ => Map::new(),
    }
}

fn add_original_length(attributes: &mut TypedAttributes, meta: Option<&Map<String, Value>>) {
    let Some(data) = meta.and_then(|meta| object(meta, "data")) else {
        return;
    };
    let length = INPUTS.iter().find_map(|input| {
        let about = object(object(data, input)?, "")?;
        // Beside remarks on what was cut, `len` counts characters of a text, not messages.
        about.get("len").filter(|_| !about.contains_key("rem"))
    });
    if let Some(length) = length.filter(|length| length.is_u64()) {
        attributes.add(ORIGINAL_LENGTH, length.clone());
    }
}
