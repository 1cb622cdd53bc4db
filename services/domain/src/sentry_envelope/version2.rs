//! Containers of version 2 spans: `{"items": […]}` with typed attributes.

use super::attributes::TypedAttributes;
use super::record::{Draft, take_text};
use super::{EnvelopeError, Writer};
use serde_json::{Map, Value};

pub(super) fn container(
    mut container: Map<String, Value>,
    at: &str,
    writer: &mut Writer<'_>,
) -> Result<(), EnvelopeError> {
    let Some(Value::Array(items)) = container.remove("items") else {
        writer
            .envelope
            .reject(format!("{at}: `items` is not an array"));
        return Ok(());
    };
    for (index, item) in items.into_iter().enumerate() {
        let draft = match item {
            Value::Object(fields) => draft(fields),
            _ => Draft::default(),
        };
        writer.span(draft, || format!("{at}, span {index}"))?;
    }
    Ok(())
}

fn draft(mut fields: Map<String, Value>) -> Draft {
    let attributes = match fields.remove("attributes") {
        Some(Value::Object(attributes)) => TypedAttributes::typed(attributes),
        _ => TypedAttributes::default(),
    };
    Draft {
        trace_id: fields.remove("trace_id"),
        span_id: fields.remove("span_id"),
        parent_span_id: fields.remove("parent_span_id"),
        start: fields.remove("start_timestamp"),
        end: fields.remove("end_timestamp"),
        name: take_text(&mut fields, "name"),
        status: take_text(&mut fields, "status"),
        is_segment: fields.get("is_segment").and_then(Value::as_bool),
        links: fields.remove("links").filter(Value::is_array),
        attributes,
    }
}
