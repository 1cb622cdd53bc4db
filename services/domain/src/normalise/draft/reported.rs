//! Errors that a monitoring tool tells of beside the spans: log records that the intake makes of error events.

use super::errors::{MESSAGE_BYTES_MAX, last_segment};
use super::{control_flow, people};
use crate::ids::SpanKey;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::{bounds, ids, time};
use crate::normalise::{Rules, project};
use crate::raw::RawLog;
use crate::span::{Content, SpanError, SpanLog};
use crate::text::cut_with_mark;

/// The event name of such records.
pub const EVENT: &str = "sentry.error";

/// Reads a record of that name; `None` when it names neither a type nor a message.
pub(crate) fn read(raw: RawLog, record_ms: i64, rules: &Rules) -> Option<SpanLog> {
    let limits = &rules.limits;
    let fields = Fields::new(raw.attributes);
    let kind = fields.text(&["exception.type"]);
    let mut message = fields.text(&["exception.message"]);
    if kind.is_none() && message.is_none() {
        return None;
    }
    // What a framework raises to pause or to branch is no failure, whoever reports it.
    let steers = kind.as_deref().and_then(control_flow::of_name);
    if steers.is_some()
        || message
            .as_deref()
            .and_then(control_flow::of_message)
            .is_some()
    {
        return None;
    }
    if let Some(message) = &mut message {
        cut_with_mark(message, MESSAGE_BYTES_MAX);
    }
    let kind = kind.map(|kind| last_segment(&kind).to_owned());
    let kind = kind.filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or_else(|| "_OTHER".to_owned());
    let handled = fields
        .has("sentry.mechanism.handled")
        .then(|| fields.flag("sentry.mechanism.handled"));
    let event_id = fields.text(&["sentry.event_id"]);
    Some(SpanLog {
        key: SpanKey {
            trace: raw.trace_id,
            span: raw.span_id,
        },
        project: bounds::shortened(project(&raw.origin, rules), limits),
        conversation_id: ids::read(
            &fields,
            &raw.origin.resource,
            true,
            &rules.conversation_id_attributes,
            (None, None),
        )
        .conversation,
        time_ns: time::of_log(raw.time_ns, record_ms, limits),
        index: raw.index,
        is_complete: false,
        content: Content::default(),
        finish_reason: None,
        error: Some(SpanError {
            kind: Some(bounds::shortened(kind, limits)),
            message,
            handled,
            event_id: event_id.map(|id| bounds::shortened(id, limits)),
        }),
        user: people::user(&fields, limits),
    })
}
