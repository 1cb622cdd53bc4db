//! Usage objects, in any place.

use super::{Tokens, call, tokens};
use serde_json::{Value, json};

/// Usage objects as APIs and SDKs write them.
fn usage_objects() -> Vec<(&'static str, Value, Tokens)> {
    vec![
        (
            "OpenAI, chat",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 10, "accepted_prediction_tokens": 4}}),
            (100, 30, 0, 50, 10),
        ),
        (
            "OpenAI, responses",
            json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 30}, "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 10}, "total_tokens": 150}),
            (100, 30, 0, 50, 10),
        ),
        (
            "OpenAI, nulls",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "prompt_tokens_details": null, "completion_tokens_details": null}),
            (100, 0, 0, 50, 0),
        ),
        (
            "Anthropic",
            json!({"input_tokens": 100, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 50, "service_tier": "standard"}),
            (150, 30, 20, 50, 0),
        ),
        (
            "Anthropic, nulls",
            json!({"input_tokens": 100, "cache_creation_input_tokens": null, "cache_read_input_tokens": null, "output_tokens": 50}),
            (100, 0, 0, 50, 0),
        ),
        (
            "Anthropic, by age of the cache",
            json!({"input_tokens": 100, "cache_creation": {"ephemeral_5m_input_tokens": 15, "ephemeral_1h_input_tokens": 5}, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 0, "output_tokens": 50}),
            (120, 0, 20, 50, 0),
        ),
        (
            "LiteLLM with Anthropic's names",
            json!({"prompt_tokens": 150, "completion_tokens": 50, "total_tokens": 200, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30}),
            (150, 30, 20, 50, 0),
        ),
        (
            "Gemini, Vertex AI",
            json!({"promptTokenCount": 100, "candidatesTokenCount": 50, "thoughtsTokenCount": 30, "totalTokenCount": 180}),
            (100, 0, 0, 80, 30),
        ),
        (
            "Gemini, developer API",
            json!({"promptTokenCount": 100, "candidatesTokenCount": 80, "thoughtsTokenCount": 30, "totalTokenCount": 180}),
            (100, 0, 0, 80, 30),
        ),
        (
            "Gemini, Python",
            json!({"prompt_token_count": 100, "candidates_token_count": 50, "thoughts_token_count": 30, "total_token_count": 180, "cached_content_token_count": 40, "prompt_tokens_details": [{"modality": "TEXT", "token_count": 100}]}),
            (100, 40, 0, 80, 30),
        ),
        (
            "Gemini, prompts of tools",
            json!({"promptTokenCount": 100, "toolUsePromptTokenCount": 40, "candidatesTokenCount": 50, "totalTokenCount": 190}),
            (140, 0, 0, 50, 0),
        ),
        (
            "Gemini, prompts of tools, no total",
            json!({"promptTokenCount": 100, "toolUsePromptTokenCount": 40, "candidatesTokenCount": 50}),
            (140, 0, 0, 50, 0),
        ),
        (
            "Gemini, live",
            json!({"promptTokenCount": 100, "responseTokenCount": 50, "totalTokenCount": 150}),
            (100, 0, 0, 50, 0),
        ),
        (
            "Gemini, only thoughts",
            json!({"promptTokenCount": 100, "thoughtsTokenCount": 30, "totalTokenCount": 130}),
            (100, 0, 0, 30, 30),
        ),
        (
            "Bedrock, cache within the total",
            json!({"inputTokens": 100, "outputTokens": 50, "totalTokens": 200, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 20}),
            (150, 30, 20, 50, 0),
        ),
        (
            "Bedrock, no total",
            json!({"inputTokens": 100, "outputTokens": 50, "cacheReadInputTokens": 30, "cacheWriteInputTokens": 20}),
            (150, 30, 20, 50, 0),
        ),
        (
            "Claude Agent SDK, per model",
            json!({"inputTokens": 100, "outputTokens": 50, "cacheReadInputTokens": 30, "cacheCreationInputTokens": 20, "webSearchRequests": 0}),
            (150, 30, 20, 50, 0),
        ),
        (
            "LangChain",
            json!({"input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "input_token_details": {"cache_read": 30, "cache_creation": 20}, "output_token_details": {"reasoning": 10}}),
            (100, 30, 20, 50, 10),
        ),
        (
            "AI SDK 5",
            json!({"inputTokens": 100, "outputTokens": 50, "totalTokens": 150, "reasoningTokens": 10, "cachedInputTokens": 30}),
            (100, 30, 0, 50, 10),
        ),
        (
            "AI SDK 6",
            json!({"inputTokens": {"total": 100, "noCache": 50, "cacheRead": 30, "cacheWrite": 20}, "outputTokens": {"total": 50, "text": 40, "reasoning": 10}}),
            (100, 30, 20, 50, 10),
        ),
        (
            "AI SDK 6, details",
            json!({"inputTokens": 100, "inputTokenDetails": {"noCacheTokens": 50, "cacheReadTokens": 30, "cacheWriteTokens": 20}, "outputTokens": 50, "outputTokenDetails": {"textTokens": 40, "reasoningTokens": 10}, "totalTokens": 150}),
            (100, 30, 20, 50, 10),
        ),
        (
            "Mastra",
            json!({"inputTokens": 100, "outputTokens": 50, "inputDetails": {"text": 50, "cacheRead": 30, "cacheWrite": 20}, "outputDetails": {"text": 40, "reasoning": 10}}),
            (100, 30, 20, 50, 10),
        ),
        (
            "DeepSeek",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 70}),
            (100, 30, 0, 50, 0),
        ),
        (
            "xAI",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 160, "completion_tokens_details": {"reasoning_tokens": 10}}),
            (100, 0, 0, 60, 10),
        ),
        (
            "Genkit",
            json!({"inputTokens": 100, "outputTokens": 50, "totalTokens": 160, "thoughtsTokens": 10, "cachedContentTokens": 30}),
            (100, 30, 0, 60, 10),
        ),
        (
            "Cohere",
            json!({"billed_units": {"input_tokens": 3, "output_tokens": 50}, "tokens": {"input_tokens": 100, "output_tokens": 50}}),
            (100, 0, 0, 50, 0),
        ),
        (
            "Braintrust",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "tokens": 150, "prompt_cached_tokens": 30}),
            (100, 30, 0, 50, 0),
        ),
        (
            "LiveKit",
            json!({"prompt_tokens": 100, "completion_tokens": 50, "prompt_cached_tokens": 30, "total_tokens": 150, "tokens_per_second": 12.5}),
            (100, 30, 0, 50, 0),
        ),
        (
            "MLflow",
            json!({"input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20}),
            (100, 30, 20, 50, 0),
        ),
        (
            "numbers as text",
            json!({"prompt_tokens": "1,000", "completion_tokens": "50.0", "total_tokens": " 1,050 "}),
            (1_000, 0, 0, 50, 0),
        ),
        (
            "floats",
            json!({"prompt_tokens": 100.0, "completion_tokens": 50.0, "total_tokens": 150.0}),
            (100, 0, 0, 50, 0),
        ),
        (
            "total alone",
            json!({"total_tokens": 150}),
            (150, 0, 0, 0, 0),
        ),
        (
            "null",
            json!({"prompt_tokens": null, "completion_tokens": null, "total_tokens": null}),
            (0, 0, 0, 0, 0),
        ),
    ]
}

#[test]
fn usage_objects_of_every_api_are_read_wherever_they_stand() {
    /// How a usage object reaches an attribute.
    type Wrapped = fn(&Value) -> Value;
    let places: [(&str, Wrapped); 16] = [
        (
            "usage object",
            |usage| json!({"gen_ai.usage": usage.to_string()}),
        ),
        (
            "usage object, structured",
            |usage| json!({"ai.usage": usage}),
        ),
        (
            "Logfire",
            |usage| json!({"response_data": json!({"message": {"role": "assistant", "content": "Hi"}, "usage": usage}).to_string()}),
        ),
        (
            "ADK",
            |usage| json!({"gcp.vertex.agent.llm_response": json!({"content": {"parts": [{"text": "Hi"}]}, "usage_metadata": usage}).to_string()}),
        ),
        (
            "OpenInference",
            |usage| json!({"output.value": json!({"id": "r", "choices": [], "usage": usage}).to_string()}),
        ),
        (
            "OpenInference, Gemini",
            |usage| json!({"output.value": json!({"candidates": [], "usageMetadata": usage}).to_string()}),
        ),
        (
            "LangChain's result",
            |usage| json!({"gen_ai.completion": json!({"generations": [[{"text": "Hi"}]], "llm_output": {"token_usage": usage, "model_name": "m"}}).to_string()}),
        ),
        (
            "LangChain's message",
            |usage| json!({"traceloop.entity.output": json!({"outputs": {"generations": [[{"message": {"kwargs": {"content": "Hi", "usage_metadata": usage}}}]]}}).to_string()}),
        ),
        (
            "LangChain's message, listed",
            |usage| json!({"gen_ai.output.messages": json!([{"type": "ai", "content": "Hi", "response_metadata": {"token_usage": usage}}]).to_string()}),
        ),
        (
            "MLflow",
            |usage| json!({"mlflow.spanOutputs": json!({"response": {"usage": usage}}).to_string()}),
        ),
        (
            "Laminar",
            |usage| json!({"lmnr.sdk.raw.response": json!({"usage": usage}).to_string()}),
        ),
        (
            "encoded twice",
            |usage| json!({"response": Value::String(json!({"usage": usage}).to_string()).to_string()}),
        ),
        (
            "usage as text",
            |usage| json!({"response": json!({"usage": usage.to_string()}).to_string()}),
        ),
        (
            "a stream's last chunk",
            |usage| json!({"output.value": json!([{"delta": "Hi", "usage": null}, {"usage": usage}]).to_string()}),
        ),
        (
            "AI SDK's response",
            |usage| json!({"ai.response": json!({"text": "Hi", "usage": usage}).to_string()}),
        ),
        (
            "Bedrock's last chunk",
            |usage| json!({"output.value": json!({"chunks": [{"contentBlockDelta": {}}, {"metadata": {"usage": usage}}]}).to_string()}),
        ),
    ];
    for (api, usage, wanted) in usage_objects() {
        for (place, wrapped) in &places {
            let attributes = wrapped(&usage);
            assert_eq!(
                tokens(&call(&attributes)),
                wanted,
                "{api} in {place}: {attributes}"
            );
        }
    }
}
