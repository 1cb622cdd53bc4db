//! The wrappers that are known, and which keys belong to them.

use super::{Holds, Wrapper};
use crate::message::Role;

const fn wrapper(key: &'static str, holds: Holds, beside: &'static [&'static str]) -> Wrapper {
    let role = match holds {
        Holds::Answers | Holds::Answer => Some(Role::Assistant),
        _ => None,
    };
    Wrapper {
        key,
        role,
        holds,
        beside,
    }
}

/// In order of precedence.
pub(super) const WRAPPERS: [Wrapper; 45] = [
    wrapper(
        "messages",
        Holds::Messages,
        &["structured_response", "remaining_steps", "is_last_step"],
    ),
    // LiveKit.
    wrapper("items", Holds::Messages, &[]),
    // OpenAI, LangChain, Gemini.
    wrapper(
        "choices",
        Holds::Answers,
        &["prompt_filter_results", "citations"],
    ),
    wrapper(
        "generations",
        Holds::Answers,
        &["llm_output", "run", "prompt"],
    ),
    wrapper(
        "candidates",
        Holds::Answers,
        &[
            "prompt_feedback",
            "promptFeedback",
            "sdk_http_response",
            "automatic_function_calling_history",
            "parsed",
        ],
    ),
    // LlamaIndex, Ollama, Genkit, Claude Agent SDK.
    wrapper(
        "message",
        Holds::Message,
        &[
            "raw",
            "delta",
            "logprobs",
            "additional_kwargs",
            "done",
            "done_reason",
            "uuid",
            "session_id",
            "parent_tool_use_id",
            "custom",
            "request",
            "operation",
        ],
    ),
    wrapper(
        "delta",
        Holds::Message,
        &["logprobs", "content_filter_results"],
    ),
    // OpenInference's lists of prompts and completions.
    wrapper("completion", Holds::Message, &[]),
    // Anthropic, before messages.
    wrapper("completion", Holds::Answer, &["log_id"]),
    wrapper("prompt", Holds::Message, &[]),
    // LangGraph's commands.
    wrapper("update", Holds::Messages, &["graph", "goto", "resume"]),
    // Bedrock, OpenAI's Responses API, LangChain's agents, Pydantic AI and smolagents.
    wrapper(
        "output",
        Holds::Answer,
        &[
            "input",
            "chat_history",
            "intermediate_steps",
            "steps",
            "state",
            "timing",
            "all_messages",
            "new_messages",
            "instructions",
            "tools",
            "tool_choice",
            "text",
            "reasoning",
            "parallel_tool_calls",
            "temperature",
            "top_p",
            "truncation",
            "previous_response_id",
            "max_output_tokens",
            "additionalModelResponseFields",
            "output_text",
        ],
    ),
    wrapper("outputs", Holds::Answer, &[]),
    wrapper(
        "final_output",
        Holds::Answer,
        &["input", "new_items", "raw_responses", "last_agent"],
    ),
    // LlamaIndex.
    wrapper(
        "response",
        Holds::Answer,
        &["source_nodes", "sources", "is_dummy_stream"],
    ),
    // Haystack.
    wrapper("replies", Holds::Answer, &[]),
    // Logfire's streams.
    wrapper("combined_chunk_content", Holds::Answer, &["chunk_count"]),
    // Hugging Face, Bedrock's Llama, Titan, Vertex' PaLM.
    wrapper("generated_text", Holds::Answer, &["details"]),
    wrapper(
        "generation",
        Holds::Answer,
        &["prompt_token_count", "generation_token_count"],
    ),
    wrapper(
        "outputText",
        Holds::Answer,
        &["completionReason", "tokenCount"],
    ),
    wrapper("output_text", Holds::Answer, &[]),
    // Claude Agent SDK.
    wrapper(
        "result",
        Holds::Answer,
        &[
            "subtype",
            "is_error",
            "num_turns",
            "session_id",
            "total_cost_usd",
            "duration_api_ms",
            "permission_denials",
            "uuid",
            "modelUsage",
        ],
    ),
    // Gemini.
    wrapper("contents", Holds::Question, &[]),
    wrapper("input", Holds::Question, &[]),
    // Hugging Face.
    wrapper("inputs", Holds::Question, &["parameters", "options"]),
    // Titan.
    wrapper("inputText", Holds::Question, &["textGenerationConfig"]),
    wrapper("prompt", Holds::Question, &[]),
    wrapper("prompts", Holds::Question, &[]),
    // Pydantic AI.
    wrapper(
        "user_prompt",
        Holds::Question,
        &[
            "output_type",
            "deferred_tool_results",
            "infer_name",
            "event_stream_handler",
            "usage_limits",
            "message_history",
        ],
    ),
    // Google ADK.
    wrapper(
        "new_message",
        Holds::Question,
        &["state_delta", "run_config", "invocation_id"],
    ),
    wrapper(
        "newMessage",
        Holds::Question,
        &["stateDelta", "runConfig", "invocationId"],
    ),
    wrapper("query", Holds::Question, &[]),
    wrapper("question", Holds::Question, &[]),
    // LlamaIndex.
    wrapper(
        "query_str",
        Holds::Question,
        &["image_path", "custom_embedding_strs", "embedding"],
    ),
    wrapper("str_or_query_bundle", Holds::Question, &[]),
    wrapper("user_message", Holds::Question, &[]),
    wrapper("user_input", Holds::Question, &[]),
    wrapper(
        "user_msg",
        Holds::Question,
        &[
            "verbose",
            "allow_parallel_tool_calls",
            "tool_required",
            "memory",
        ],
    ),
    // AutoGen.
    wrapper(
        "task",
        Holds::Question,
        &["cancellation_token", "output_task_messages"],
    ),
    // Cohere, chat engines.
    wrapper("message", Holds::Question, &[]),
    // Python's arguments by position.
    wrapper("args", Holds::Question, &[]),
    wrapper("kwargs", Holds::Request, &["args"]),
    wrapper("request", Holds::Request, &[]),
    wrapper(
        "body",
        Holds::Request,
        &["headers", "method", "path", "url"],
    ),
    // Gemini's response: {"content":{"parts":…,"role":"model"},…}.
    wrapper(
        "content",
        Holds::Message,
        &[
            "citationMetadata",
            "citation_metadata",
            "safetyRatings",
            "safety_ratings",
            "avgLogprobs",
            "avg_logprobs",
            "groundingMetadata",
            "grounding_metadata",
            "finishMessage",
            "tokenCount",
            "token_count",
        ],
    ),
];

/// Where a system prompt stands beside the messages.
pub(crate) const SYSTEM_KEYS: [&str; 8] = [
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
    "system_prompt",
    "systemPrompt",
    "system_message",
    // Cohere.
    "preamble",
];

/// Where what was said before the question stands.
pub(crate) const HISTORY_KEYS: [&str; 5] = [
    "chat_history",
    "message_history",
    "chatHistory",
    "messageHistory",
    "history",
];

/// What a provider's response has beside its answer.
pub(super) const RESPONSE: [&str; 56] = [
    "object",
    "created",
    "created_at",
    "createdAt",
    "create_time",
    "createTime",
    "completed_at",
    "timestamp",
    "model",
    "model_name",
    "modelName",
    "model_id",
    "modelId",
    "model_version",
    "modelVersion",
    "provider",
    "usage",
    "usage_metadata",
    "usageMetadata",
    "token_usage",
    "tokenUsage",
    "finish_reason",
    "finishReason",
    "finish_reasons",
    "stop_reason",
    "stopReason",
    "stop_sequence",
    "stop",
    "incomplete_details",
    "logprobs",
    "meta",
    "metadata",
    "response_metadata",
    "responseMetadata",
    "ResponseMetadata",
    "generation_info",
    "additional_kwargs",
    "response_id",
    "responseId",
    "generation_id",
    "service_tier",
    "system_fingerprint",
    "metrics",
    "trace",
    "error",
    "status",
    "index",
    "raw",
    "warnings",
    "duration_ms",
    "latency_ms",
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "eval_count",
    "prompt_eval_duration",
];

/// What a request has beside its messages or question.
pub(super) const REQUEST: [&str; 57] = [
    "model",
    "model_name",
    "modelId",
    "model_id",
    "temperature",
    "top_p",
    "topP",
    "top_k",
    "max_tokens",
    "maxTokens",
    "max_output_tokens",
    "max_completion_tokens",
    "n",
    "stream",
    "stop",
    "seed",
    "tools",
    "tool_choice",
    "toolChoice",
    "toolConfig",
    "functions",
    "response_format",
    "config",
    "generation_config",
    "generationConfig",
    "inferenceConfig",
    "safety_settings",
    "parallel_tool_calls",
    "metadata",
    "store",
    "previous_response_id",
    "conversation",
    "reasoning",
    "reasoning_effort",
    "text",
    "include",
    "truncation",
    "kwargs",
    "deps",
    "model_settings",
    "thread_id",
    "session_id",
    "sessionId",
    "user_id",
    "userId",
    "user",
    "run_id",
    "callbacks",
    "timeout",
    "extra_body",
    "extra_headers",
    "max_turns",
    "run_config",
    "presence_penalty",
    "frequency_penalty",
    "stream_options",
    "service_tier",
];
