//! What a span does, by the names that conventions and SDKs have for it.

use crate::span::Operation;

/// The operation that a name stands for; `None` for names unknown here.
pub(crate) fn by_name(name: &str) -> Option<Operation> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "chat" | "generate_content" | "response" | "responses" | "message" | "messages"
        | "generate" | "generation" | "llm" | "chat_completion" | "chat_completions"
        | "acompletion" | "aresponses" | "compact" | "messages.create" | "chat_model"
        | "chat.completions" => Operation::Chat,
        "text_completion" | "atext_completion" | "completion" | "completions"
        | "text.completions" => Operation::Completion,
        "embeddings" | "embedding" | "aembedding" | "embed" | "embed_content"
        | "text.embeddings" => Operation::Embeddings,
        "execute_tool" | "tool" | "tool_call" => Operation::ExecuteTool,
        "invoke_agent" | "agent" | "start_thread_run" | "process_thread_run" => {
            Operation::InvokeAgent
        }
        "create_agent" => Operation::CreateAgent,
        "handoff" | "transfer" => Operation::Handoff,
        "rerank" | "reranker" => Operation::Rerank,
        "invoke_workflow"
        | "workflow"
        | "agent_step"
        | "chain"
        | "task"
        | "execute_task"
        | "execute_event_loop_cycle"
        | "retrieval"
        | "retriever"
        | "plan"
        | "compact_events"
        | "guardrail"
        | "evaluator"
        | "prompt"
        | "create_memory_store"
        | "search_memory"
        | "create_memory"
        | "update_memory"
        | "upsert_memory"
        | "delete_memory"
        | "delete_memory_store" => Operation::Other,
        _ => return None,
    })
}
