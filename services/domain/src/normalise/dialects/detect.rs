//! Which SDK's dialect a span speaks, by its instrumentation scope and by the attributes that only one SDK writes; and in
//! which order the others follow, for one SDK's processor rewrites another one's spans and an application mixes several.

use super::dialect::Dialect;
use super::{
    adk, frameworks, langsmith, openinference, openllmetry, otel_genai, others, pydantic_ai,
    sentry, strands, vercel,
};
use crate::normalise::draft::names::{self, Names};
use crate::normalise::values::fields::Fields;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// Every dialect, in the order in which their names follow a span's own.
pub(crate) static ALL: [&Dialect; 24] = [
    &otel_genai::DIALECT,
    &openinference::DIALECT,
    &openllmetry::DIALECT,
    &vercel::DIALECT,
    &langsmith::DIALECT,
    &pydantic_ai::DIALECT,
    &strands::DIALECT,
    &adk::DIALECT,
    &sentry::DIALECT,
    &others::LANGFUSE,
    &others::MLFLOW,
    &others::LAMINAR,
    &others::LITELLM,
    &others::LIVEKIT,
    &others::GENKIT,
    &others::SMOLAGENTS,
    &frameworks::MASTRA,
    &frameworks::SPRING_AI,
    &frameworks::HAYSTACK,
    &frameworks::CREWAI,
    &frameworks::BEEAI,
    // Their names for content are words that anybody uses.
    &others::VOLTAGENT,
    &others::CLAUDE_CODE,
    &frameworks::PIPECAT,
];

/// By attribute, which of [`ALL`] have a name for it: one bit each.
static BY_ATTRIBUTE: LazyLock<FxHashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut found: FxHashMap<&'static str, u32> = FxHashMap::default();
    for (position, dialect) in ALL.iter().enumerate() {
        for name in dialect.names.all() {
            *found.entry(names::attribute(name)).or_default() |= 1 << position;
        }
    }
    found
});

/// Scopes that say by themselves who instrumented. A trailing `*` stands for any rest.
static BY_SCOPE: [(&str, &Dialect); 21] = [
    ("openinference.instrumentation.beeai*", &frameworks::BEEAI),
    (
        "@arizeai/openinference-instrumentation-beeai*",
        &frameworks::BEEAI,
    ),
    ("@arizeai/openinference*", &openinference::DIALECT),
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
    ("pipecat*", &frameworks::PIPECAT),
    ("@mastra/*", &frameworks::MASTRA),
    ("opentelemetry.instrumentation.crewai*", &frameworks::CREWAI),
    ("haystack*", &frameworks::HAYSTACK),
];

/// Attributes that only one dialect writes, the most telling first. A trailing `*` stands for any rest.
static BY_MARKER: [(&str, &Dialect); 32] = [
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
    ("mastra.span.type", &frameworks::MASTRA),
    ("spring.ai.*", &frameworks::SPRING_AI),
    ("haystack.*", &frameworks::HAYSTACK),
    ("langfuse.observation.*", &others::LANGFUSE),
    ("lmnr.span.*", &others::LAMINAR),
    ("request_data", &pydantic_ai::DIALECT),
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

/// The dialects by which a span is read.
pub(crate) struct Readers {
    /// The dialect that it speaks, then others of which it has a mark, the convention last.
    pub(crate) marked: Vec<&'static Dialect>,
    /// The tables of these, then of every other that has a name for one of its attributes.
    pub(crate) names: Vec<&'static Names>,
}

impl Readers {
    pub(crate) fn own(&self) -> &'static Dialect {
        self.marked.first().copied().unwrap_or(&otel_genai::DIALECT)
    }

    /// All tables, and how many of them are those of the span's own dialect and the convention.
    pub(crate) fn names(&self) -> (Vec<&'static Names>, usize) {
        let own = match is_convention(self.own()) {
            true => 1,
            false => 2,
        };
        (self.names.clone(), own)
    }
}

fn is_convention(dialect: &Dialect) -> bool {
    std::ptr::eq(dialect.names, &otel_genai::NAMES)
}

/// The dialects of a span of this name with these attributes from this instrumentation scope.
pub(crate) fn readers(scope: &str, name: &str, fields: &Fields) -> Readers {
    // One pass over the attributes, however many there are.
    let mut is_marked = [false; BY_MARKER.len()];
    let mut tables = 0_u32;
    for key in fields.keys() {
        for (position, (pattern, _)) in BY_MARKER.iter().enumerate() {
            is_marked[position] |= matches(pattern, key);
        }
        tables |= BY_ATTRIBUTE.get(key).copied().unwrap_or(0)
            | BY_ATTRIBUTE.get(list_of(key)).copied().unwrap_or(0);
    }
    let marks = BY_MARKER.iter().zip(is_marked);
    let marks = marks.filter_map(|((_, dialect), is_marked)| is_marked.then_some(*dialect));
    let mut marked: Vec<&'static Dialect> = Vec::new();
    let mut add = |dialect: &'static Dialect| {
        if !marked.iter().any(|known| std::ptr::eq(*known, dialect)) {
            marked.push(dialect);
        }
    };
    by_source(scope, name, fields)
        .into_iter()
        .for_each(&mut add);
    marks.for_each(&mut add);
    by_system(fields).into_iter().for_each(&mut add);
    add(&otel_genai::DIALECT);
    // The convention follows the span's own dialect at once.
    let own = marked[0].names;
    let mut names: Vec<&'static Names> = vec![own];
    let all = ALL.iter().enumerate();
    let present = all.filter(|(position, _)| tables >> position & 1 == 1);
    let convention: &'static Dialect = &otel_genai::DIALECT;
    let others = marked
        .iter()
        .copied()
        .chain(present.map(|(_, dialect)| *dialect));
    for dialect in std::iter::once(convention).chain(others) {
        if !names
            .iter()
            .any(|known| std::ptr::eq(*known, dialect.names))
        {
            names.push(dialect.names);
        }
    }
    Readers { marked, names }
}

/// What stands before the first number in a flattened name.
fn list_of(key: &str) -> &str {
    let mut end = 0;
    for segment in key.split('.') {
        if end > 0 && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            return &key[..end - 1];
        }
        end += segment.len() + 1;
    }
    key
}

/// Who instrumented, where scope or name say it by themselves.
fn by_source(scope: &str, name: &str, fields: &Fields) -> Option<&'static Dialect> {
    if let Some((_, dialect)) = BY_SCOPE.iter().find(|(pattern, _)| matches(pattern, scope)) {
        return Some(dialect);
    }
    if name.starts_with("claude_code.") {
        return Some(&others::CLAUDE_CODE);
    }
    let is_newer_vercel = scope == "gen_ai" && fields.has("gen_ai.operation.name");
    is_newer_vercel.then_some(&vercel::DIALECT)
}

/// Who instrumented, where a value says it.
fn by_system(fields: &Fields) -> Option<&'static Dialect> {
    if fields.str("gen_ai.framework") == Some("litellm") {
        return Some(&others::LITELLM);
    }
    (fields.str("gen_ai.system") == Some("strands-agents")).then_some(&strands::DIALECT)
}

/// LiteLLM's span of what the provider answered, below that of the call. It alone tells which tokens were cached or thoughts.
pub(crate) const LITELLM_RAW: &str = "raw_gen_ai_request";

/// Whether a span speaks of models, tools or agents. A conversation id or user alone does not count: SDKs put those
/// on spans of every kind.
pub(crate) fn is_genai(scope: &str, name: &str, readers: &Readers, fields: &Fields) -> bool {
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
    const MARKERS: [&str; 17] = [
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
        "lk.user_transcript",
        "lk.pii.user_transcript",
        "llm.input_messages.*",
        "llm.output_messages.*",
    ];
    if name == LITELLM_RAW || SCOPES.iter().any(|pattern| matches(pattern, scope)) {
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
    let is_told = |dialect: &&Dialect| frameworks::is_genai(dialect, fields, name);
    fields.keys().any(is_telling) || readers.marked.iter().any(is_told)
}
