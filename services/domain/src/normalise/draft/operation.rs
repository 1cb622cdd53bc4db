//! What a span does, by the names that conventions and SDKs have for it, else by what it holds.

use super::{Draft, events, usage};
use crate::span::Operation;

/// The operation of a span for which no dialect has a name. Applications invent words and leave them out: what names a
/// model and has said something is a call. A model alone makes none, for gateways stamp it on whatever serves a request.
pub(crate) fn by_content(draft: &Draft) -> Operation {
    let has = |names: &[&str]| names.iter().any(|name| draft.fields.has(name));
    let has_response = has(&["gen_ai.response.model", "gen_ai.response.id"]);
    let has_model = has_response
        || draft.text(|names| names.request_model).is_some()
        || draft.text(|names| names.response_model).is_some();
    let has_words = draft.holds_content()
        || draft
            .events
            .iter()
            .any(|event| events::is_content(&event.name));
    let has_spoken = has_words || usage::is_told(draft);
    let is_named = draft.fields.has("gen_ai.operation.name");
    let name = draft.fields.str("gen_ai.operation.name");
    let is_beside = name.is_some_and(sounds_beside) && !has(&ANSWERS);
    let is_call = if is_beside {
        false
    } else if is_named {
        has_response || (has_model && has_spoken)
    } else if has(&INFRASTRUCTURE) {
        has_model && has_spoken
    } else {
        let has_provider = has(&["gen_ai.system", "gen_ai.provider.name"]);
        let has_messages = has(&MESSAGES);
        has_messages || has_response || (has_model && (has_spoken || has_provider))
    };
    if is_call {
        Operation::Chat
    } else {
        Operation::Other
    }
}

/// What only an answer leaves.
const ANSWERS: [&str; 5] = [
    "gen_ai.output.messages",
    "gen_ai.response.text",
    "gen_ai.completion",
    "gen_ai.completion.0.content",
    "gen_ai.response.finish_reasons",
];

/// Whether a word that no convention knows is for what is no call: SDKs' clients name each of their methods so, and ask with
/// a model for files, batches and caches, or for pictures and sound.
fn sounds_beside(name: &str) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "list",
        "delete",
        "upload",
        "download",
        "cancel",
        "retrieve",
        "get_",
        "create_batch",
        "update",
    ];
    const PARTS: [&str; 14] = [
        "cached_content",
        "tokenize",
        "count_tokens",
        "embed",
        "moderation",
        "transcri",
        "translation",
        "speech",
        "audio",
        "image",
        "video",
        "fine_tun",
        "files",
        "batch",
    ];
    const CALLS: [&str; 3] = ["response", "completion", "chat"];
    let name = name
        .trim()
        .to_ascii_lowercase()
        .replace(['.', '-', ' '], "_");
    let is_call = CALLS.iter().any(|word| name.contains(word));
    !is_call
        && (BEGINNINGS.iter().any(|word| name.starts_with(word))
            || PARTS.iter().any(|word| name.contains(word)))
}

/// What spans of servers, clients and databases have.
const INFRASTRUCTURE: [&str; 13] = [
    "http.request.method",
    "http.method",
    "http.route",
    "http.response.status_code",
    "http.status_code",
    "url.full",
    "url.path",
    "db.system.name",
    "db.system",
    "rpc.system",
    "rpc.system.name",
    "messaging.system",
    "messaging.system.name",
];

/// Messages that nothing but a call has.
const MESSAGES: [&str; 3] = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.request.messages",
];

/// The operation that a name stands for; `None` for names unknown here.
pub(crate) fn by_name(name: &str) -> Option<Operation> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "chat" | "generate_content" | "response" | "responses" | "message" | "messages"
        | "generate" | "generation" | "llm" | "chat_completion" | "chat_completions"
        | "acompletion" | "aresponses" | "compact" | "messages.create" | "chat_model"
        | "chat.completions" | "llm_call" | "llm_request" | "model_generation" | "realtime"
        | "realtime_inference" | "streaming" => Operation::Chat,
        "text_completion" | "atext_completion" | "completion" | "completions"
        | "text.completions" => Operation::Completion,
        "embeddings" | "embedding" | "aembedding" | "embed" | "embed_content"
        | "text.embeddings" => Operation::Embeddings,
        "execute_tool" | "tool" | "tool_call" => Operation::ExecuteTool,
        "invoke_agent" | "agent" | "agent_call" | "agent_run" | "user_prompt"
        | "start_thread_run" | "process_thread_run" => Operation::InvokeAgent,
        "create_agent" => Operation::CreateAgent,
        "handoff" | "transfer" => Operation::Handoff,
        "rerank" | "reranker" => Operation::Rerank,
        name if BESIDE.contains(&name) => Operation::Other,
        _ => return None,
    })
}

/// What is around calls or beside them: workflows and their steps, a turn, memory, a conversation that is made or listed,
/// tokens that are counted; and models that draw, speak or listen.
const BESIDE: [&str; 58] = [
    "handle_conversation_turn",
    "invoke_swarm",
    "invoke_graph",
    "framework",
    "model_step",
    "model_chunk",
    "schedule_tool_calls",
    "system_prompt",
    "create_conversation",
    "get_conversation",
    "update_conversation",
    "delete_conversation",
    "list_conversations",
    "list_conversation_items",
    "create_conversation_items",
    "create_thread",
    "create_message",
    "list_messages",
    "list_run_steps",
    "submit_tool_outputs",
    "count_tokens",
    "generate_image",
    "image_generation",
    "generate_images",
    "image_edit",
    "generate_video",
    "generate_speech",
    "generate_audio",
    "text_to_speech",
    "speech_to_text",
    "speech",
    "transcription",
    "transcribe",
    "translation",
    "moderation",
    "stt",
    "tts",
    "invoke_workflow",
    "workflow",
    "agent_step",
    "chain",
    "task",
    "execute_task",
    "execute_event_loop_cycle",
    "retrieval",
    "retriever",
    "plan",
    "compact_events",
    "guardrail",
    "evaluator",
    "prompt",
    "create_memory_store",
    "search_memory",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "delete_memory_store",
];
