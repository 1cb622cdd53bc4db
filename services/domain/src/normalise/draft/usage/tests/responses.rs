//! What stands in responses beside what stands on the span.

use super::{check, tokens};
use crate::normalise::tests::samples::read;
use serde_json::{Value, json};

#[test]
fn what_the_span_tells_is_completed_from_the_response() {
    let with = |input: u64, usage: Value| json!({"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": 50, "response_data": json!({"usage": usage}).to_string()});
    let anthropic = json!({"input_tokens": 100, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 30, "output_tokens": 50});
    check(&[
        (
            "the raw input on the span",
            with(100, anthropic.clone()),
            (150, 30, 20, 50, 0),
        ),
        (
            "the sum on the span",
            with(150, anthropic.clone()),
            (150, 30, 20, 50, 0),
        ),
        (
            "nothing on the span",
            json!({"response_data": {"usage": anthropic}}),
            (150, 30, 20, 50, 0),
        ),
        (
            "zeros on the span",
            json!({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0, "response_data": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}),
            (9, 0, 0, 2, 0),
        ),
        (
            "half on the span",
            json!({"gen_ai.usage.input_tokens": 9, "response_data": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}),
            (9, 0, 0, 2, 0),
        ),
        (
            "Gemini's answer on the span, thoughts in the response",
            with(
                100,
                json!({"prompt_token_count": 100, "candidates_token_count": 50, "thoughts_token_count": 30, "total_token_count": 180}),
            ),
            (100, 0, 0, 80, 30),
        ),
        (
            "Ollama",
            json!({"response": json!({"model": "m", "message": {"content": "Hi"}, "prompt_eval_count": 26, "eval_count": 298}).to_string()}),
            (26, 0, 0, 298, 0),
        ),
        (
            "Llama on Bedrock",
            json!({"output.value": json!({"generation": "Hi", "prompt_token_count": 26, "generation_token_count": 298}).to_string()}),
            (26, 0, 0, 298, 0),
        ),
        (
            "Bedrock's metrics",
            json!({"output.value": json!([{"delta": {}}, {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 26, "outputTokenCount": 298}}]).to_string()}),
            (26, 0, 0, 298, 0),
        ),
        (
            "Anthropic's stream",
            json!({"output.value": json!([{"type": "message_start", "message": {"usage": {"input_tokens": 26, "output_tokens": 1}}}, {"type": "message_delta", "usage": {"output_tokens": 298}}]).to_string()}),
            (26, 0, 0, 298, 0),
        ),
        (
            "Cohere",
            json!({"response": json!({"text": "Hi", "meta": {"billed_units": {"input_tokens": 26, "output_tokens": 298}}}).to_string()}),
            (26, 0, 0, 298, 0),
        ),
        (
            "cut short",
            json!({"response": "{\"usage\": {\"prompt_tokens\": 26, \"completion_tokens\": 298, \"total_tokens\": 324}, \"text\": \"Hel"}),
            (26, 0, 0, 298, 0),
        ),
        (
            "a structured answer is no usage",
            json!({"output.value": json!({"usage": {"input": 5, "output": 6, "total": 11}}).to_string()}),
            (0, 0, 0, 0, 0),
        ),
        (
            "the words of an answer are no usage",
            json!({"gen_ai.completion": json!({"role": "assistant", "content": json!({"usage": {"total_tokens": 5}}).to_string()}).to_string()}),
            (0, 0, 0, 0, 0),
        ),
        (
            "arguments are no usage",
            json!({"gen_ai.output.messages": json!([{"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": {"usage": {"total_tokens": 5}}}]}]).to_string()}),
            (0, 0, 0, 0, 0),
        ),
    ]);
}

#[test]
fn the_ai_sdk_tells_the_cache_in_the_providers_metadata() {
    let with = |input: u64, metadata: Value| json!({"ai.operationId": "ai.streamText.doStream", "ai.usage.inputTokens": input, "ai.usage.outputTokens": 2, "ai.response.providerMetadata": metadata.to_string()});
    check(&[
        (
            "Bedrock",
            with(
                5_000,
                json!({"bedrock": {"usage": {"cacheReadInputTokens": 4_482, "cacheWriteInputTokens": 120}}}),
            ),
            (5_000, 4_482, 120, 2, 0),
        ),
        (
            "Anthropic",
            with(
                5,
                json!({"anthropic": {"usage": {"input_tokens": 5, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 2}, "cacheCreationInputTokens": 100}}),
            ),
            (1_005, 900, 100, 2, 0),
        ),
        (
            "Anthropic, cache smaller",
            with(
                3_000,
                json!({"anthropic": {"usage": {"input_tokens": 3_000, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 2}}}),
            ),
            (4_000, 900, 100, 2, 0),
        ),
        (
            "Anthropic, sum on the span",
            with(
                1_005,
                json!({"anthropic": {"usage": {"input_tokens": 5, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 2}}}),
            ),
            (1_005, 900, 100, 2, 0),
        ),
        (
            "Anthropic, 4",
            with(
                5,
                json!({"anthropic": {"cacheCreationInputTokens": 100, "cacheReadInputTokens": 900}}),
            ),
            (1_005, 900, 100, 2, 0),
        ),
        (
            "OpenAI",
            with(
                100,
                json!({"openai": {"cachedPromptTokens": 30, "reasoningTokens": 1}}),
            ),
            (100, 30, 0, 2, 1),
        ),
        (
            "DeepSeek",
            with(
                100,
                json!({"deepseek": {"promptCacheHitTokens": 30, "promptCacheMissTokens": 70}}),
            ),
            (100, 30, 0, 2, 0),
        ),
        (
            "Google",
            with(
                100,
                json!({"google": {"usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 2, "thoughtsTokenCount": 30, "totalTokenCount": 132}}}),
            ),
            (100, 0, 0, 32, 30),
        ),
        (
            "OpenRouter",
            with(
                100,
                json!({"openrouter": {"usage": {"promptTokens": 100, "promptTokensDetails": {"cachedTokens": 30}, "completionTokens": 2, "cost": 0.01}}}),
            ),
            (100, 30, 0, 2, 0),
        ),
        (
            "nulls",
            with(100, json!({"openai": null, "x": {"usage": null}})),
            (100, 0, 0, 2, 0),
        ),
    ]);
}

#[test]
fn an_agent_tells_its_own_usage_and_no_calls_within_its_output() {
    let agent = |output: Value| {
        let span = read(
            "lab",
            "x",
            json!({"gen_ai.operation.name": "invoke_agent", "output.value": output.to_string()}),
        );
        tokens(&span).0
    };
    let usage = json!({"input_tokens": 9, "output_tokens": 2});
    assert_eq!(agent(json!({"result": "Hi", "usage": usage})), 9);
    let history = json!({"messages": [{"type": "ai", "content": "Hi", "usage_metadata": usage}]});
    assert_eq!(agent(history), 0);
    let tool = read(
        "lab",
        "x",
        json!({"gen_ai.operation.name": "execute_tool", "output.value": json!({"usage": usage}).to_string()}),
    );
    assert_eq!(tool.usage, None);
}
