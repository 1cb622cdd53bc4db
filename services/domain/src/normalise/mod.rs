//! From what an SDK wrote to what it means.
//!
//! [`span`] finds the dialect, takes the content out of attributes and events, and reads every field by the tables of
//! names; what is left stays among the attributes. The rooms, each using those before it alone:
//!
//! - `values`: JSON, flattened lists, ids, times, bounds.
//! - `content`: shapes of messages, understood alike in every dialect, so that one conversation reads the same whichever
//!   SDK told it.
//! - `draft`: a span while it is being read, and how each of its fields is found by a table of names.
//! - `dialects`: one file per SDK with its table, and how it is told which one a span speaks.

mod content;
mod dialects;
mod draft;
#[cfg(test)]
mod tests;
mod values;

pub use draft::reported::EVENT as REPORTED_ERROR;
pub use values::salvage::MARK as CUT_MARK;

use crate::ids::{SpanId, SpanKey};
use crate::limits::Limits;
use crate::raw::{Origin, RawLog, RawSpan, RawStatus};
use crate::span::{Operation, Span, SpanLog, Tool};
use content::finish;
use dialects::detect::{self, Readers};
use dialects::otel_genai;
use draft::{Draft, errors, events, people, usage};
use std::sync::Arc;
use values::fields::{self, Fields};
use values::ids::Ids;
use values::{bounds, ids, time};

/// How to read spans: what is configurable about it.
#[derive(Clone, Debug)]
pub struct Rules {
    pub limits: Limits,
    /// Resource attributes that name the project, first non-empty wins.
    pub project_attributes: Vec<String>,
    /// Further attribute names that may carry the conversation id, after the known ones.
    pub conversation_id_attributes: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            project_attributes: vec!["service.namespace".into(), "service.name".into()],
            conversation_id_attributes: Vec::new(),
        }
    }
}

/// Owner of spans whose producer names no project.
const DEFAULT_PROJECT: &str = "default";

/// Reads one span. Never fails: what cannot be understood stays among the attributes.
/// `record_ms` is the time of the Kafka record, which stands in for missing or absurd timestamps.
pub fn span(raw: RawSpan, record_ms: i64, rules: &Rules) -> Span {
    let fields = Fields::new(raw.attributes);
    let scope = raw.origin.scope_name.as_str();
    let readers = detect::readers(scope, &raw.name, &fields);
    let is_genai = detect::is_genai(scope, &raw.name, &readers, &fields);
    let mut draft = Draft::new(
        readers.own().label,
        readers.names(),
        fields,
        Operation::Other,
    );
    let own_response = draft.text(|names| names.response_id);
    let previous_response = draft.text(|names| names.previous_response_id);
    let ids = ids::read(
        &draft.fields,
        &raw.origin.resource,
        is_genai,
        &rules.conversation_id_attributes,
        (own_response.as_deref(), previous_response.as_deref()),
    );
    draft.events = raw.events;
    draft.dropped_attributes = raw.dropped_attributes;
    // Before content is read: that may take these attributes out.
    draft.finish_reason = finish_reason(&draft);
    if is_genai {
        draft.operation = operation(&readers, &draft, &raw.name);
    }
    usage::read(&mut draft);
    if is_genai {
        for dialect in detect::ALL {
            (dialect.before)(&mut draft);
        }
        draft::content::read(&mut draft);
    }
    let known = Known {
        key: SpanKey {
            trace: raw.trace_id,
            span: raw.span_id,
        },
        parent: raw.parent_span_id.filter(|parent| *parent != raw.span_id),
        ids,
        is_genai,
        name: raw.name,
        status: raw.status,
        times_ns: (raw.start_ns, raw.end_ns),
        origin: raw.origin,
    };
    finished(draft, known, record_ms, rules)
}

/// The operation by the names of the dialects that the span speaks, else by what it holds.
fn operation(readers: &Readers, draft: &Draft, span_name: &str) -> Operation {
    let mut dialects = readers.marked.iter();
    dialects
        .find_map(|dialect| (dialect.operation)(&draft.fields, span_name))
        .unwrap_or_else(|| draft::operation::by_content(draft))
}

/// What is known of a span before its content is read.
struct Known {
    key: SpanKey,
    parent: Option<SpanId>,
    ids: Ids,
    is_genai: bool,
    name: String,
    status: RawStatus,
    times_ns: (i64, i64),
    origin: Arc<Origin>,
}

fn finished(mut draft: Draft, known: Known, record_ms: i64, rules: &Rules) -> Span {
    let limits = &rules.limits;
    let error = errors::read(&mut draft, &known.status, limits);
    events::keep_others(&mut draft);
    let (start, end) = known.times_ns;
    let (start_ns, end_ns) = time::repair(start, end, record_ms, limits, draft.fields.map_mut());
    let cut_from = bounds::content(&mut draft.content, limits);
    let is_tool = draft.operation == Operation::ExecuteTool;
    let tool = is_tool.then(|| tool(&mut draft, &known.name, limits));
    let name = |text: String| bounds::shortened(text, limits);
    let resource = &known.origin.resource;
    Span {
        key: known.key,
        parent: known.parent,
        project: name(project(&known.origin, rules)),
        conversation_id: known.ids.conversation,
        hint: known.ids.hint,
        is_genai: known.is_genai,
        operation: draft.operation,
        start_ns,
        end_ns,
        error,
        agent: people::agent(&draft, &known.name).map(name),
        request_model: draft.text(|names| names.request_model).map(name),
        response_model: draft.response_model().map(name),
        provider: people::provider(&draft).map(name),
        response_id: draft.response_id().map(name),
        previous_response_id: draft
            .previous_response_id()
            .or(known.ids.previous_response)
            .map(name),
        finish_reason: draft.finish_reason.take().map(name),
        tool,
        usage: draft.usage,
        reported_cost: draft.reported_cost,
        content: std::mem::take(&mut draft.content),
        is_unread: draft.is_unread,
        original_input_messages: draft.original_input_messages.or(cut_from),
        compacted: draft.fields.flag("gen_ai.conversation.compacted"),
        user: people::user(&draft.fields, limits),
        environment: people::environment(&draft.fields, resource).map(name),
        instrumentation: name(people::instrumentation(
            draft.dialect,
            &known.origin.scope_name,
            &draft.fields,
        )),
        attributes: bounds::attributes(draft.fields.into_map(), draft.dropped_attributes, limits),
        resource: bounds::attributes(resource.clone(), 0, limits),
        name: name(known.name),
    }
}

/// Reads one log record; `None` when it carries neither message content nor an error.
pub fn log(raw: RawLog, record_ms: i64, rules: &Rules) -> Option<SpanLog> {
    if raw.event_name == REPORTED_ERROR {
        return draft::reported::read(raw, record_ms, rules);
    }
    let limits = &rules.limits;
    let fields = Fields::new(raw.attributes);
    let readers = detect::readers(&raw.origin.scope_name, &raw.event_name, &fields);
    let label = readers.own().label;
    let mut draft = Draft::new(label, readers.names(), fields, Operation::Chat);
    draft.finish_reason = finish_reason(&draft);
    let response_id = draft.fields.text(&["gen_ai.response.id"]);
    let is_complete = otel_genai::read_log(&mut draft, &raw.event_name, raw.body)?;
    bounds::content(&mut draft.content, limits);
    if draft.content.is_empty() {
        return None;
    }
    Some(SpanLog {
        key: SpanKey {
            trace: raw.trace_id,
            span: raw.span_id,
        },
        project: bounds::shortened(project(&raw.origin, rules), limits),
        conversation_id: ids::read(
            &draft.fields,
            &raw.origin.resource,
            true,
            &rules.conversation_id_attributes,
            (response_id.as_deref(), None),
        )
        .conversation,
        time_ns: time::of_log(raw.time_ns, record_ms, limits),
        index: raw.index,
        is_complete,
        finish_reason: draft
            .finish_reason
            .take()
            .map(|reason| bounds::shortened(reason, limits)),
        error: None,
        user: people::user(&draft.fields, limits),
        content: draft.content,
    })
}

/// Whether a value of `gen_ai.operation.name` has a meaning here.
pub(crate) fn is_known_operation(name: &str) -> bool {
    draft::operation::by_name(name).is_some()
}

fn finish_reason(draft: &Draft) -> Option<String> {
    draft
        .names(|names| names.finish_reason)
        .find_map(|name| draft.fields.first(&[name], finish::of_attribute))
}

fn project(origin: &Origin, rules: &Rules) -> String {
    let given = origin.project.as_deref().map(str::trim);
    given
        .filter(|project| !project.is_empty())
        .map(str::to_owned)
        .or_else(|| {
            let names = &rules.project_attributes;
            names
                .iter()
                .find_map(|name| fields::text_in(&origin.resource, &[name]))
        })
        .unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
}

fn tool(draft: &mut Draft, span_name: &str, limits: &Limits) -> Tool {
    let mut tool = Tool {
        name: bounds::shortened(people::tool(draft, span_name), limits),
        call_id: draft
            .text(|names| names.tool_call_id)
            .map(|id| bounds::shortened(id, limits)),
        arguments: draft.tool_arguments.take(),
        result: draft.tool_result.take(),
        outcome: draft.tool_outcome,
    };
    for value in [&mut tool.arguments, &mut tool.result]
        .into_iter()
        .flatten()
    {
        bounds::value(value, limits.part_bytes_max);
    }
    tool
}
