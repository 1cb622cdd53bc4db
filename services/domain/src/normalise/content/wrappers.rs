//! Objects around messages: requests, responses, states and results, and which of their keys belong to them.
//!
//! A wrapper is opened only where it has no other keys than a wrapper's. `{"output":"approve","score":0.9}` is what a
//! model was asked to write, and is shown whole.

use super::shapes::{Look, is_constructor, is_message, is_sentence, looks_like_messages};
use crate::message::Role;
use crate::normalise::values::{absent, json};
use serde_json::{Map, Value};

/// What a wrapper holds under its key.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// Messages with roles, or other wrappers of such.
    Messages,
    /// Answers of a model, each perhaps one of several.
    Answers,
    /// One message, or one without a role.
    Message,
    /// Words of an answer, or messages.
    Answer,
    /// Words of a question, or messages.
    Question,
}

pub(crate) struct Wrapper {
    pub(crate) key: &'static str,
    /// The role that its content has by default.
    pub(crate) role: Option<Role>,
    holds: Holds,
    /// Keys beside it that belong to it alone.
    beside: &'static [&'static str],
}

impl Wrapper {
    pub(crate) fn holds_answers(&self) -> bool {
        self.holds == Holds::Answers
    }
}

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
const WRAPPERS: [Wrapper; 38] = [
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
    wrapper("inputs", Holds::Question, &[]),
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
    // Cohere, chat engines.
    wrapper("message", Holds::Question, &[]),
    // Python's arguments by position.
    wrapper("args", Holds::Question, &[]),
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
const RESPONSE: [&str; 56] = [
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
const REQUEST: [&str; 57] = [
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

/// The wrapper that an object is, as far as `look` allows to open it.
pub(crate) fn of(map: &Map<String, Value>, look: Look) -> Option<&'static Wrapper> {
    if look.is_too_deep() {
        return None;
    }
    WRAPPERS.iter().find(|wrapper| {
        absent::get(map, wrapper.key)
            .is_some_and(|inner| holds(wrapper, inner, look) && stands_alone(wrapper, map, look))
    })
}

fn holds(wrapper: &Wrapper, inner: &Value, look: Look) -> bool {
    let deeper = look.deeper();
    match (wrapper.holds, inner) {
        (Holds::Answers, Value::Array(_)) => true,
        (Holds::Answers, _) => false,
        (Holds::Message, Value::Object(inner)) => {
            is_constructor(inner) || is_message(inner, deeper) || is_sentence(inner, deeper)
        }
        (Holds::Message, Value::Array(_)) => {
            wrapper.key == "content" && looks_like_messages(inner, deeper)
        }
        (Holds::Message, _) => false,
        // The text of a completion, of a request by the Responses API, of an agent's run.
        (Holds::Answer, inner) if are_words(inner) => look.are_words(wrapper.key),
        (Holds::Question, inner) if are_words(inner) => {
            look.are_words(wrapper.key) && !look.is_answer
        }
        (Holds::Messages, Value::Array(_)) => has_speaker(inner, deeper),
        (_, inner) => looks_like_messages(inner, deeper),
    }
}

/// A text, or a list of texts.
fn are_words(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(|item| item.is_string() || item.is_null()),
        _ => false,
    }
}

/// Whether nothing stands beside the wrapper's key that is not a wrapper's.
fn stands_alone(wrapper: &Wrapper, map: &Map<String, Value>, look: Look) -> bool {
    if look.is_trusted || is_envelope(map) {
        return true;
    }
    let inner = &map[wrapper.key];
    let is_words = are_words(inner);
    let is_known = |key: &str| {
        let shared: &[&str] = match wrapper.holds {
            Holds::Question => &REQUEST,
            Holds::Messages if !look.is_answer => &REQUEST,
            _ => &RESPONSE,
        };
        key == wrapper.key
            || key.starts_with('_')
            || wrapper.beside.contains(&key)
            || shared.contains(&key)
            || (!is_words && matches!(key, "id" | "type" | "role"))
            || (!look.is_answer && (SYSTEM_KEYS.contains(&key) || HISTORY_KEYS.contains(&key)))
    };
    // In requests and states whatever an application keeps stands beside messages.
    look.keys(map).all(is_known)
        || is_langchain(inner)
        || (!look.is_answer && has_speaker(inner, look.deeper()))
}

/// Whether an object can only be a provider's response, whatever else stands in it.
fn is_envelope(map: &Map<String, Value>) -> bool {
    const OBJECTS: [&str; 5] = [
        "response",
        "chat.completion",
        "chat.completion.chunk",
        "text_completion",
        "message",
    ];
    let counts_tokens = |usage: &Value| {
        usage.as_object().is_some_and(|usage| {
            usage
                .keys()
                .any(|key| key.to_ascii_lowercase().contains("token"))
        })
    };
    ["usage", "usage_metadata", "usageMetadata"]
        .iter()
        .any(|key| map.get(*key).is_some_and(counts_tokens))
        || map
            .get("object")
            .and_then(Value::as_str)
            .is_some_and(|object| OBJECTS.contains(&object))
        || map.contains_key("llm_output")
}

/// Whether an object tells of a request no more than how it was made.
pub(crate) fn is_bare_request(map: &Map<String, Value>) -> bool {
    absent::keys(map).all(|key| REQUEST.contains(&key) || RESPONSE.contains(&key))
}

/// Whether an object tells of a response no more than how it came about.
pub(crate) fn is_bare_response(map: &Map<String, Value>) -> bool {
    absent::keys(map).all(|key| RESPONSE.contains(&key))
}

/// Whether messages are among what a value holds, so that somebody speaks.
fn has_speaker(value: &Value, look: Look) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_speaker(item, look)),
        Value::Object(map) => {
            is_message(map, look)
                || is_constructor(map)
                || super::items::is_item(map)
                || super::histories::is_turn(map)
                || of(map, look.listed()).is_some()
        }
        Value::String(text) => {
            json::structure(text).is_some_and(|inner| looks_like_messages(&inner, look))
        }
        _ => false,
    }
}

/// LangChain's messages, which no model is asked to write.
fn is_langchain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_langchain),
        Value::Object(map) => {
            is_constructor(map)
                || map.contains_key("additional_kwargs")
                || map.contains_key("response_metadata")
        }
        _ => false,
    }
}
