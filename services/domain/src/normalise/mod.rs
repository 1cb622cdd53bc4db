//! From what an SDK wrote to what it means: one file per dialect.
//!
//! [`span`] finds the dialect, takes the content out of attributes and events, and reads every field by the tables of
//! names; what is left stays among the attributes. Shapes of messages (`messages`, `parts`, `tool_value`) are
//! understood alike in every dialect, so that one conversation reads the same whichever SDK told it.

mod adk;
mod bounds;
mod content;
mod dialect;
mod draft;
mod errors;
mod events;
mod fields;
mod finish;
mod flat;
mod ids;
mod json;
mod langsmith;
mod media;
mod messages;
mod openinference;
mod openllmetry;
mod operation;
mod otel_genai;
mod others;
mod parts;
mod people;
mod pydantic_ai;
mod python;
mod salvage;
mod sentry;
mod shapes;
mod strands;
mod time;
mod tool_value;
mod usage;
mod vercel;

use crate::ids::SpanKey;
use crate::limits::Limits;
use crate::raw::{Origin, RawLog, RawSpan};
use crate::span::{Operation, Span, SpanLog, Tool};
use draft::Draft;
use fields::Fields;

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
    let limits = &rules.limits;
    let fields = Fields::new(raw.attributes);
    let resource = Fields::new(raw.origin.resource.clone());
    let scope = raw.origin.scope_name.as_str();
    let dialect = dialect::detect(scope, &fields);
    let is_genai = dialect::is_genai(scope, dialect, &fields);
    let operation = if is_genai {
        (dialect.operation)(&fields, &raw.name)
            .or_else(|| otel_genai::read_operation(&fields, &raw.name))
            .unwrap_or_default()
    } else {
        Operation::Other
    };
    let conversation_id = ids::conversation(
        &fields,
        &resource,
        is_genai,
        &rules.conversation_id_attributes,
    );
    let mut draft = Draft::new(dialect, fields, operation);
    draft.events = raw.events;
    draft.dropped_attributes = raw.dropped_attributes;
    let finish_reason = finish_reason(&draft);
    if is_genai {
        content::read(&mut draft);
    }
    let error = errors::read(&mut draft, &raw.status, limits);
    let (start_ns, end_ns) = time::repair(
        raw.start_ns,
        raw.end_ns,
        record_ms,
        limits,
        draft.fields.map_mut(),
    );
    let cut_from = bounds::content(&mut draft.content, limits);
    let name = |mut text: String| {
        bounds::short(&mut text, limits);
        text
    };
    let tool = (operation == Operation::ExecuteTool).then(|| tool(&mut draft, &raw.name, limits));
    Span {
        key: SpanKey {
            trace: raw.trace_id,
            span: raw.span_id,
        },
        parent: raw.parent_span_id.filter(|parent| *parent != raw.span_id),
        project: name(project(&raw.origin, &resource, rules)),
        conversation_id,
        is_genai,
        operation,
        start_ns,
        end_ns,
        error,
        agent: people::agent(&draft, &raw.name).map(name),
        request_model: draft.text(|names| names.request_model).map(name),
        response_model: draft.text(|names| names.response_model).map(name),
        provider: people::provider(&draft).map(name),
        response_id: draft
            .text(|names| names.response_id)
            .or_else(|| draft.response_id.take())
            .map(name),
        previous_response_id: draft
            .text(|names| names.previous_response_id)
            .or_else(|| draft.previous_response_id.take())
            .map(name),
        finish_reason: finish_reason.or(draft.finish_reason.take()).map(name),
        tool,
        usage: usage::tokens(&draft),
        reported_cost: usage::cost(&draft),
        content: std::mem::take(&mut draft.content),
        original_input_messages: draft.original_input_messages.or(cut_from),
        compacted: draft.fields.flag("gen_ai.conversation.compacted"),
        user: people::user(&draft.fields, limits),
        environment: people::environment(&draft.fields, &resource).map(name),
        instrumentation: name(people::instrumentation(dialect, scope, &draft.fields)),
        attributes: bounds::attributes(draft.fields.into_map(), raw.dropped_attributes, limits),
        resource: bounds::attributes(resource.into_map(), 0, limits),
        name: name(raw.name),
    }
}

/// Reads one log record; `None` when it carries no message content.
pub fn log(raw: RawLog, record_ms: i64, rules: &Rules) -> Option<SpanLog> {
    let limits = &rules.limits;
    let fields = Fields::new(raw.attributes);
    let resource = Fields::new(raw.origin.resource.clone());
    let dialect = dialect::detect(&raw.origin.scope_name, &fields);
    let mut draft = Draft::new(dialect, fields, Operation::Chat);
    let is_complete = otel_genai::read_log(&mut draft, &raw.event_name, raw.body)?;
    bounds::content(&mut draft.content, limits);
    if draft.content.is_empty() {
        return None;
    }
    let mut project = project(&raw.origin, &resource, rules);
    bounds::short(&mut project, limits);
    Some(SpanLog {
        key: SpanKey {
            trace: raw.trace_id,
            span: raw.span_id,
        },
        project,
        conversation_id: ids::conversation(
            &draft.fields,
            &resource,
            true,
            &rules.conversation_id_attributes,
        ),
        time_ns: time::of_log(raw.time_ns, record_ms, limits),
        index: raw.index,
        is_complete,
        finish_reason: finish_reason(&draft).or(draft.finish_reason.take()),
        user: people::user(&draft.fields, limits),
        content: draft.content,
    })
}

fn finish_reason(draft: &Draft) -> Option<String> {
    draft
        .names(|names| names.finish_reason)
        .into_iter()
        .find_map(|names| draft.fields.first(names, finish::of_attribute))
}

fn project(origin: &Origin, resource: &Fields, rules: &Rules) -> String {
    origin
        .project
        .as_deref()
        .map(str::trim)
        .filter(|project| !project.is_empty())
        .map(str::to_owned)
        .or_else(|| {
            rules
                .project_attributes
                .iter()
                .find_map(|name| resource.text(&[name]))
        })
        .unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
}

fn tool(draft: &mut Draft, span_name: &str, limits: &Limits) -> Tool {
    let mut tool = Tool {
        name: people::tool(draft, span_name),
        call_id: draft.text(|names| names.tool_call_id),
        arguments: draft.tool_arguments.take(),
        result: draft.tool_result.take(),
    };
    bounds::short(&mut tool.name, limits);
    tool.call_id
        .iter_mut()
        .for_each(|id| bounds::short(id, limits));
    for value in [&mut tool.arguments, &mut tool.result]
        .into_iter()
        .flatten()
    {
        bounds::value(value, limits.part_bytes_max);
    }
    tool
}
