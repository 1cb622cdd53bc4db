//! What an envelope says once for all its spans.
//!
//! JavaScript SDKs in static mode put user, release and environment on the transaction only, while the AI spans travel
//! in a container beside it. So the container's spans take them from the transaction of the same trace.

use super::attributes::TypedAttributes;
use super::{object, text};
use crate::ids::TraceId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct SharedFields {
    by_trace: BTreeMap<TraceId, Vec<(&'static str, Value)>>,
    /// From the envelope's header, for any span of the envelope.
    sdk: Vec<(&'static str, Value)>,
}

impl SharedFields {
    pub(super) fn of<'a>(
        header: &Map<String, Value>,
        transactions: impl Iterator<Item = &'a Map<String, Value>>,
    ) -> Self {
        let mut shared = Self::default();
        for event in transactions {
            let trace = object(event, "contexts").and_then(|contexts| object(contexts, "trace"));
            if let Some((trace, id)) = trace.and_then(|trace| Some((trace, trace_id(trace)?))) {
                let fields = shared.by_trace.entry(id).or_default();
                from_event(event, fields);
                push(fields, "sentry.segment.id", text(trace, "span_id"));
            }
        }
        let trace = object(header, "trace");
        if let Some((trace, id)) = trace.and_then(|trace| Some((trace, trace_id(trace)?))) {
            let fields = shared.by_trace.entry(id).or_default();
            push(fields, "sentry.release", text(trace, "release"));
            push(fields, "sentry.environment", text(trace, "environment"));
            push(fields, "sentry.transaction", text(trace, "transaction"));
            push(fields, "user.id", text(trace, "user_id"));
        }
        from_sdk(header, &mut shared.sdk);
        shared
    }

    /// Adds to a span what it does not say itself.
    pub(super) fn complete(&self, trace_id: TraceId, attributes: &mut TypedAttributes) {
        let of_trace = self.by_trace.get(&trace_id).into_iter().flatten();
        for (key, value) in of_trace.chain(&self.sdk) {
            attributes.add(key, value.clone());
        }
    }
}

pub(super) fn trace_id(trace: &Map<String, Value>) -> Option<TraceId> {
    TraceId::parse_hex(&text(trace, "trace_id")?.replace('-', ""))
}

pub(super) fn from_event(event: &Map<String, Value>, fields: &mut Vec<(&'static str, Value)>) {
    if let Some(user) = object(event, "user") {
        let id = user.get("id").filter(|id| id.is_string() || id.is_number());
        push(fields, "user.id", id.map(plain_text));
        push(fields, "user.email", text(user, "email"));
        push(
            fields,
            "user.name",
            text(user, "username").or_else(|| text(user, "name")),
        );
        // A placeholder by which the SDK asks the server to fill in the peer's address.
        let ip_address = text(user, "ip_address").filter(|address| *address != "{{auto}}");
        push(fields, "user.ip_address", ip_address);
    }
    push(fields, "sentry.release", text(event, "release"));
    push(fields, "sentry.environment", text(event, "environment"));
    push(fields, "sentry.transaction", text(event, "transaction"));
    push(fields, "sentry.platform", text(event, "platform"));
    push(fields, "server.address", text(event, "server_name"));
    from_sdk(event, fields);
}

fn from_sdk(parent: &Map<String, Value>, fields: &mut Vec<(&'static str, Value)>) {
    if let Some(sdk) = object(parent, "sdk") {
        push(fields, "sentry.sdk.name", text(sdk, "name"));
        push(fields, "sentry.sdk.version", text(sdk, "version"));
    }
}

fn push(
    fields: &mut Vec<(&'static str, Value)>,
    key: &'static str,
    value: Option<impl Into<Value>>,
) {
    if let Some(value) = value {
        fields.push((key, value.into()));
    }
}

/// Ids may be numbers; as text they compare equal wherever they come from.
fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
