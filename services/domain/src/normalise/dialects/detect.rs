//! Which SDK's dialect a span speaks, by its instrumentation scope and by the attributes that only one SDK writes.

use super::dialect::Dialect;
use super::{
    adk, langsmith, openinference, openllmetry, otel_genai, others, pydantic_ai, sentry, strands,
    vercel,
};
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;

/// Scopes that say by themselves who instrumented. A trailing `*` stands for any rest.
static BY_SCOPE: [(&str, &Dialect); 14] = [
    ("openinference.*", &openinference::DIALECT),
    ("langsmith*", &langsmith::DIALECT),
    ("pydantic-ai*", &pydantic_ai::DIALECT),
    ("logfire*", &pydantic_ai::DIALECT),
    ("strands.*", &strands::DIALECT),
    ("gcp.vertex.agent", &adk::DIALECT),
    ("traceloop.*", &openllmetry::DIALECT),
    (
        "opentelemetry.instrumentation.openai.v1",
        &openllmetry::DIALECT,
    ),
    ("langfuse*", &others::LANGFUSE),
    ("mlflow*", &others::MLFLOW),
    ("lmnr*", &others::LAMINAR),
    ("litellm*", &others::LITELLM),
    ("livekit*", &others::LIVEKIT),
    ("com.anthropic.claude_code*", &others::CLAUDE_CODE),
];

/// Attributes that only one dialect writes, the most telling first. A trailing `*` stands for any rest.
static BY_MARKER: [(&str, &Dialect); 26] = [
    ("ai.operationId", &vercel::DIALECT),
    ("ai.settings.context.*", &vercel::DIALECT),
    ("openinference.span.kind", &openinference::DIALECT),
    ("langsmith.span.kind", &langsmith::DIALECT),
    ("pydantic_ai.all_messages", &pydantic_ai::DIALECT),
    ("model_request_parameters", &pydantic_ai::DIALECT),
    ("event_loop.cycle_id", &strands::DIALECT),
    ("gcp.vertex.agent.*", &adk::DIALECT),
    ("traceloop.span.kind", &openllmetry::DIALECT),
    ("llm.request.type", &openllmetry::DIALECT),
    ("gen_ai.prompt.0.*", &openllmetry::DIALECT),
    ("gen_ai.completion.0.*", &openllmetry::DIALECT),
    ("mlflow.spanType", &others::MLFLOW),
    ("langfuse.observation.type", &others::LANGFUSE),
    ("lmnr.span.type", &others::LAMINAR),
    ("litellm.call_id", &others::LITELLM),
    ("lk.*", &others::LIVEKIT),
    ("voltagent.*", &others::VOLTAGENT),
    ("genkit:*", &others::GENKIT),
    ("smolagents.*", &others::SMOLAGENTS),
    ("llm.input_messages.*", &openinference::DIALECT),
    ("llm.model_name", &openinference::DIALECT),
    ("traceloop.*", &openllmetry::DIALECT),
    ("gen_ai.is_streaming", &openllmetry::DIALECT),
    ("sentry.op", &sentry::DIALECT),
    ("sentry.*", &sentry::DIALECT),
];

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// The dialect of a span of this name with these attributes from this instrumentation scope.
pub(crate) fn dialect(scope: &str, name: &str, fields: &Fields) -> &'static Dialect {
    if let Some((_, dialect)) = BY_SCOPE.iter().find(|(pattern, _)| matches(pattern, scope)) {
        return dialect;
    }
    if name.starts_with("claude_code.") {
        return &others::CLAUDE_CODE;
    }
    if scope == "gen_ai" && fields.has("gen_ai.operation.name") {
        return &vercel::DIALECT;
    }
    // One pass over the attributes, however many there are; the earliest marker of the table wins.
    let mut best = BY_MARKER.len();
    for key in fields.keys() {
        if let Some(found) = BY_MARKER[..best]
            .iter()
            .position(|(pattern, _)| matches(pattern, key))
        {
            best = found;
        }
    }
    if let Some((_, dialect)) = BY_MARKER.get(best) {
        return dialect;
    }
    if fields.str("gen_ai.framework") == Some("litellm") {
        return &others::LITELLM;
    }
    if fields.str("gen_ai.system") == Some("strands-agents") {
        return &strands::DIALECT;
    }
    &otel_genai::DIALECT
}

/// Whether a span speaks of models, tools or agents. A conversation id or user alone does not count: SDKs put those
/// on spans of every kind.
pub(crate) fn is_genai(scope: &str, name: &str, dialect: &Dialect, fields: &Fields) -> bool {
    /// Scopes whose spans are all GenAI, even those without any attribute.
    const SCOPES: [&str; 8] = [
        "ai",
        "gen_ai",
        "langsmith",
        "pydantic-ai",
        "gcp.vertex.agent",
        "strands.telemetry.tracer",
        "traceloop.tracer",
        "openinference.*",
    ];
    const NOT_TELLING: [&str; 4] = [
        "gen_ai.conversation.id",
        "gen_ai.agent.name",
        "gen_ai.user",
        "gen_ai.thread.id",
    ];
    const MARKERS: [&str; 13] = [
        "gen_ai.*",
        "openinference.span.kind",
        "traceloop.span.kind",
        "llm.request.type",
        "llm.model_name",
        "langsmith.span.kind",
        "ai.operationId",
        "ai.settings.context.*",
        "gcp.vertex.agent.*",
        "mlflow.spanType",
        "lmnr.span.type",
        "pydantic_ai.*",
        "lk.function_tool.name",
    ];
    if SCOPES.iter().any(|pattern| matches(pattern, scope)) {
        return true;
    }
    if fields
        .str("sentry.op")
        .is_some_and(|op| op.starts_with("gen_ai.") || op.starts_with("ai."))
    {
        return true;
    }
    let is_telling = |key: &str| {
        MARKERS.iter().any(|pattern| matches(pattern, key)) && !NOT_TELLING.contains(&key)
    };
    fields.keys().any(is_telling) || others::is_genai(dialect, fields, name)
}

/// The names by which a span of this dialect is read: its own, then those of the convention.
pub(crate) fn names(dialect: &Dialect) -> [&'static Names; 2] {
    if std::ptr::eq(dialect.names, &otel_genai::NAMES) {
        [dialect.names, &Names::NONE]
    } else {
        [dialect.names, &otel_genai::NAMES]
    }
}
