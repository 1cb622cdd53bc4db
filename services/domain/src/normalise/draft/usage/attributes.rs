//! Which attributes hold usage objects, responses, or counts under names that no table lists.

use super::Draft;
use super::counts::Counts;
use super::objects::{self, Reported, Trust};
use crate::normalise::values::{json, numbers};
use crate::span::Operation;
use serde_json::{Map, Value};

/// Attributes that are a usage object, whichever SDK wrote them.
const USAGES: [&str; 22] = [
    "gen_ai.usage",
    // Logfire: the provider's own object.
    "gen_ai.usage.raw",
    "gen_ai.usage.details",
    "gen_ai.usage_metadata",
    "gen_ai.response.usage",
    "ai.usage",
    "ai.response.usage",
    "llm.usage",
    "llm.token_usage",
    "token_usage",
    "usage_metadata",
    "usage",
    "langfuse.observation.usage_details",
    "langfuse.observation.usage",
    "langsmith.metadata.usage_metadata",
    "mlflow.chat.tokenUsage",
    "metadata.usage_object",
    "braintrust.metrics",
    "opik.usage",
    "gen_ai.response.usage_metadata",
    "lk.llm_metrics",
    "lk.usage",
];

/// Attributes that are a response as a provider or SDK gave it, the rawest first.
const RESPONSES: [&str; 26] = [
    "gcp.vertex.agent.llm_response",
    "response_data",
    "ai.response",
    "ai.response.body",
    "gen_ai.response",
    "gen_ai.response.body",
    "gen_ai.response.raw",
    "lmnr.sdk.raw.response",
    "llm.raw_response",
    "raw_response",
    "llm.response",
    "response",
    "response.model_output",
    "http.response.body",
    "output.value",
    "gen_ai.output.messages",
    "gen_ai.completion",
    "traceloop.entity.output",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "lmnr.span.output",
    "haystack.component.output",
    "hidden_params",
    "genkit:output",
    "outputs",
    "output",
];

/// The AI SDK's, of both generations.
const METADATA: [&str; 3] = [
    "ai.response.providerMetadata",
    "ai.result.providerMetadata",
    "gen_ai.response.provider_metadata",
];

/// Counts flattened into attributes, and whether all that follows counts tokens.
const PREFIXES: [(&str, Trust); 8] = [
    ("gen_ai.usage.", Trust::Usage),
    ("gen_ai.aggregated_usage.", Trust::Usage),
    ("llm.usage.", Trust::Usage),
    ("llm.token_count.", Trust::Usage),
    ("ai.usage.", Trust::Usage),
    ("ai.response.usage.", Trust::Usage),
    ("usage.", Trust::Data),
    ("response.usage.", Trust::Data),
];

/// What the attributes report beyond the tables of names, the nearest to a plain count first.
pub(super) fn read(draft: &Draft) -> Vec<Reported> {
    // What a tool gave back may hold anybody's usage.
    if draft.operation == Operation::ExecuteTool {
        return Vec::new();
    }
    let mut found = vec![flattened(draft)];
    for name in USAGES {
        if let Some(Value::Object(usage)) = draft.fields.get(name).and_then(structure) {
            found.push(usage_object(name, &usage));
        }
    }
    // LiteLLM's `raw_gen_ai_request`: the response's fields by provider, `llm.openai.usage`.
    for key in draft.fields.keys() {
        let provider = key
            .strip_prefix("llm.")
            .and_then(|key| key.strip_suffix(".usage"));
        if provider.is_none_or(|provider| provider.contains('.')) {
            continue;
        }
        if let Some(Value::Object(usage)) = draft.fields.get(key).and_then(structure) {
            found.push(objects::read(&usage, Trust::Usage));
        }
    }
    // A wrapper's output holds the responses of several calls; only what stands at its top is its own.
    let depth = match draft.operation {
        operation if operation.is_llm() => usize::MAX,
        Operation::InvokeAgent | Operation::Embeddings | Operation::Rerank => 0,
        _ => return found,
    };
    for name in METADATA {
        if let Some(metadata) = draft.fields.get(name).and_then(structure) {
            found.push(objects::in_metadata(&metadata));
        }
    }
    for name in RESPONSES {
        if let Some(response) = draft.fields.get(name).and_then(structure) {
            found.push(objects::in_response(&response, depth));
        }
    }
    found
}

fn structure(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if objects::may_tell(text) => {
            json::structure(text).or_else(|| json::beginning(text))
        }
        Value::Object(_) | Value::Array(_) => Some(value.clone()),
        _ => None,
    }
}

fn usage_object(name: &str, usage: &Map<String, Value>) -> Reported {
    let mut reported = objects::read(usage, Trust::Usage);
    let counts = &mut reported.counts;
    // Langfuse's are parts: where no total is told it takes their sum.
    if name.starts_with("langfuse.") && counts.total.is_none() && usage.contains_key("input") {
        let parts = usage.values().filter_map(numbers::count);
        counts.total = Some(parts.fold(0, u64::saturating_add));
    }
    reported
}

/// Counts under a prefix, in any spelling: `gen_ai.usage.cache_read.input_tokens`, `llm.usage.cacheReadInputTokens`,
/// `gen_ai.usage.prompt_tokens_details.cached_tokens`.
fn flattened(draft: &Draft) -> Reported {
    let mut counts = Counts::default();
    for key in draft.fields.keys() {
        let under = |(prefix, trust): &(&str, Trust)| Some((key.strip_prefix(prefix)?, *trust));
        let Some((rest, trust)) = PREFIXES.iter().find_map(under) else {
            continue;
        };
        let Some(value) = draft.fields.get(key) else {
            continue;
        };
        let Some(count) = numbers::count(value) else {
            // `gen_ai.usage.input_token_details` as JSON.
            if let Some(Value::Object(inner)) = structure(value) {
                counts.fill(&objects::details(&objects::squeezed(rest), &inner));
            }
            continue;
        };
        let last = rest.rsplit('.').next().unwrap_or(rest);
        let is_detail = rest.len() > last.len();
        let kind = objects::kind(&objects::squeezed(rest), trust).or_else(|| {
            let kind = objects::kind(&objects::squeezed(last), trust)?;
            (is_detail && kind.is_detail()).then_some(kind)
        });
        if let Some(kind) = kind {
            objects::put(&mut counts, kind, count);
        }
    }
    Reported { counts, cost: None }
}
