//! Tables of what SDKs write, each row with the SDK or API that it is of.

mod money;
mod objects;
mod responses;
mod totals;

use crate::normalise::tests::samples::read;
use crate::span::Span;
use serde_json::{Value, json};

/// Input, cached, written to the cache, output, reasoning.
type Tokens = (u64, u64, u64, u64, u64);

fn tokens(span: &Span) -> Tokens {
    let usage = span.usage.unwrap_or_default();
    (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )
}

/// A call with these attributes beside those of every call.
fn call(attributes: &Value) -> Span {
    let mut all = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    for (key, value) in attributes.as_object().expect("an object") {
        all[key] = value.clone();
    }
    read("lab", "chat m", all)
}

fn check(rows: &[(&str, Value, Tokens)]) {
    for (sdk, attributes, wanted) in rows {
        assert_eq!(tokens(&call(attributes)), *wanted, "{sdk}: {attributes}");
    }
}

#[test]
fn attributes_of_every_spelling_are_counted() {
    let flat = |cached: &str, write: &str, reasoning: &str| json!({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50, cached: 30, write: 20, reasoning: 10});
    let whole = (100, 30, 20, 50, 10);
    check(&[
        (
            "OpenTelemetry",
            flat(
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.reasoning.output_tokens",
            ),
            whole,
        ),
        (
            "OpenLLMetry",
            flat(
                "gen_ai.usage.cache_read_input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "gen_ai.usage.reasoning_tokens",
            ),
            whole,
        ),
        (
            "OpenLLMetry, older",
            flat(
                "llm.usage.cache_read_input_tokens",
                "llm.usage.cache_creation_input_tokens",
                "llm.usage.reasoning_tokens",
            ),
            whole,
        ),
        (
            "Sentry",
            flat(
                "gen_ai.usage.input_tokens.cached",
                "gen_ai.usage.input_tokens.cache_write",
                "gen_ai.usage.output_tokens.reasoning",
            ),
            whole,
        ),
        (
            "Pydantic AI",
            flat(
                "gen_ai.usage.details.cache_read_tokens",
                "gen_ai.usage.details.cache_write_tokens",
                "gen_ai.usage.details.reasoning_tokens",
            ),
            whole,
        ),
        (
            "Pydantic AI with Anthropic and Gemini",
            flat(
                "gen_ai.usage.details.cache_read_input_tokens",
                "gen_ai.usage.details.cache_creation_input_tokens",
                "gen_ai.usage.details.thoughts_tokens",
            ),
            whole,
        ),
        (
            "Strands",
            flat(
                "gen_ai.usage.cache_read_input_tokens",
                "gen_ai.usage.cache_write_input_tokens",
                "gen_ai.usage.reasoning_output_tokens",
            ),
            whole,
        ),
        (
            "LiveKit, Langfuse",
            flat(
                "gen_ai.usage.input_cached_tokens",
                "gen_ai.usage.input_cache_creation",
                "gen_ai.usage.output_reasoning_tokens",
            ),
            whole,
        ),
        (
            "OpenAI's usage, flattened",
            flat(
                "gen_ai.usage.prompt_tokens_details.cached_tokens",
                "gen_ai.usage.prompt_tokens_details.cache_write_tokens",
                "gen_ai.usage.completion_tokens_details.reasoning_tokens",
            ),
            whole,
        ),
        (
            "camel case",
            flat(
                "gen_ai.usage.cacheReadInputTokens",
                "gen_ai.usage.cacheCreationInputTokens",
                "gen_ai.usage.thinkingTokens",
            ),
            whole,
        ),
        (
            "AI SDK",
            flat(
                "ai.usage.cachedInputTokens",
                "ai.usage.inputTokenDetails.cacheWriteTokens",
                "ai.usage.reasoningTokens",
            ),
            whole,
        ),
        (
            "OpenInference",
            flat(
                "llm.token_count.prompt_details.cache_read",
                "llm.token_count.prompt_details.cache_write",
                "llm.token_count.completion_details.reasoning",
            ),
            whole,
        ),
        (
            "LangSmith, details as JSON",
            json!({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50, "gen_ai.usage.input_token_details": "{\"cache_read\": 30, \"cache_creation\": 20}", "gen_ai.usage.output_token_details": {"reasoning": 10}}),
            whole,
        ),
        (
            "ADK",
            json!({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50, "gen_ai.usage.experimental.reasoning_tokens": 10, "gen_ai.usage.experimental.reasoning_tokens_limit": 500}),
            (100, 0, 0, 50, 10),
        ),
        (
            "AI SDK 6, zero under the older name",
            json!({"ai.usage.inputTokens": 100, "ai.usage.outputTokens": 50, "ai.usage.cachedInputTokens": 0, "ai.usage.inputTokenDetails.cacheReadTokens": 30}),
            (100, 30, 0, 50, 0),
        ),
        (
            "older convention",
            json!({"gen_ai.usage.prompt_tokens": 9, "gen_ai.usage.completion_tokens": 2}),
            (9, 0, 0, 2, 0),
        ),
        (
            "short names",
            json!({"gen_ai.usage.input": 9, "gen_ai.usage.output": 2, "gen_ai.usage.reasoning": 1}),
            (9, 0, 0, 2, 1),
        ),
        (
            "numbers as text",
            json!({"gen_ai.usage.input_tokens": "1,234", "gen_ai.usage.output_tokens": " 7 ", "gen_ai.usage.cache_read.input_tokens": "12.0"}),
            (1_234, 12, 0, 7, 0),
        ),
        (
            "floats",
            json!({"gen_ai.usage.input_tokens": 12.0, "gen_ai.usage.output_tokens": 3.0}),
            (12, 0, 0, 3, 0),
        ),
        (
            "what counts no tokens",
            json!({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.requests": 5, "gen_ai.usage.details.audio_tokens": 4, "gen_ai.usage.cost": "x", "usage.input": 99}),
            (12, 0, 0, 3, 0),
        ),
    ]);
}

#[test]
fn a_sender_known_to_count_beside_is_believed() {
    for (cached, write, input) in [(2_000, 0, 5_000), (2_000, 500, 5_500), (9_000, 0, 12_000)] {
        let span = read(
            "com.anthropic.claude_code.tracing",
            "claude_code.llm_request",
            json!({"span.type": "llm_request", "input_tokens": 3_000, "output_tokens": 50, "cache_read_tokens": cached, "cache_creation_tokens": write}),
        );
        assert_eq!(tokens(&span), (input, cached, write, 50, 0));
    }
    let langfuse = |usage: Value| {
        let span = read(
            "langfuse-sdk",
            "x",
            json!({"langfuse.observation.type": "generation", "langfuse.observation.usage_details": usage.to_string()}),
        );
        tokens(&span)
    };
    for (usage, wanted) in [
        (
            json!({"input": 900, "input_cached_tokens": 600, "output": 100, "total": 1_600}),
            (1_500, 600, 0, 100, 0),
        ),
        (
            json!({"input": 1_500, "input_cached_tokens": 600, "output": 100, "total": 1_600}),
            (1_500, 600, 0, 100, 0),
        ),
        (
            json!({"input": 900, "cache_read_input_tokens": 600, "output": 100}),
            (1_500, 600, 0, 100, 0),
        ),
        (
            json!({"input": 900, "output": 100, "output_reasoning_tokens": 30, "total": 1_030}),
            (900, 0, 0, 130, 30),
        ),
        (
            json!({"input": 900, "input_audio_tokens": 50, "output": 100, "total": 1_050}),
            (950, 0, 0, 100, 0),
        ),
        (
            json!({"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1_000}),
            (900, 0, 0, 100, 0),
        ),
        (json!({"input": 900, "output": 100}), (900, 0, 0, 100, 0)),
        (
            json!({"input_tokens": 900, "cache_read_input_tokens": 600, "output_tokens": 100}),
            (1_500, 600, 0, 100, 0),
        ),
    ] {
        assert_eq!(langfuse(usage.clone()), wanted, "{usage}");
    }
}
