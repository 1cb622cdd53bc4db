//! The finalised conversation as JSON, one record of the topic `conversations`. `schemas/kafka/conversation.schema.json`
//! describes it; field names follow the GraphQL contract.

use domain::ids::ConversationKey;
use domain::message::{Message, Part, Role};
use domain::span::SpanError;
use domain::usage::{CallCost, Cost, NanoUsd, Usage};
use domain::view::{ToolStatus, ToolUse, Utterance, View};
use domain::window::Closed;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Version of the record format; a reader refuses what it does not know.
const FORMAT_VERSION: u32 = 1;

pub fn record(key: &ConversationKey, view: &View, closed: Closed) -> Value {
    let totals = &view.totals;
    json!({
        "formatVersion": FORMAT_VERSION,
        "project": key.project,
        "id": key.id,
        "revision": closed.revision,
        "finalizedAt": time(closed.closed_at_ms.saturating_mul(1_000_000)),
        "startedAt": time(totals.started_ns),
        "lastActivityAt": time(totals.last_activity_ns),
        "durationMs": ms(totals.last_activity_ns - totals.started_ns),
        "generationMs": ms(totals.generation_ns),
        "llmCalls": totals.llm_calls,
        "toolCalls": totals.tool_calls,
        "errors": totals.errors,
        "toolErrors": totals.tool_errors,
        "usage": usage(&totals.usage),
        "cost": cost(&totals.cost),
        "usageByModel": totals.by_model.iter().map(|row| json!({
            "model": row.model,
            "provider": row.provider,
            "llmCalls": row.llm_calls,
            "usage": usage(&row.usage),
            "cost": cost(&row.cost),
        })).collect::<Vec<_>>(),
        "agents": totals.agents,
        "models": totals.models,
        "tools": totals.tools,
        "user": (!totals.user.is_empty()).then(|| json!({
            "id": totals.user.id,
            "email": totals.user.email,
            "name": totals.user.name,
            "ipAddress": totals.user.ip_address,
        })),
        "environment": totals.environment,
        "traceIds": totals.trace_ids,
        "inferred": totals.inferred,
        "omittedSpans": totals.omitted,
        "missingParents": totals.missing_parents,
        "systemPrompts": view.transcript.system_prompts.iter().map(|prompt| json!({
            "text": prompt.text,
            "agent": prompt.agent,
            "firstUsedAt": time(prompt.first_used_ns),
            "calls": prompt.calls,
            "variants": prompt.variants,
        })).collect::<Vec<_>>(),
        "messages": view.transcript.messages.iter().map(|message| utterance(message)).collect::<Vec<_>>(),
    })
}

fn utterance(utterance: &Utterance) -> Value {
    let message = utterance.message.as_deref();
    json!({
        "id": utterance.id,
        "role": match utterance.role {
            Role::User | Role::System => "USER",
            Role::Assistant => "ASSISTANT",
            Role::Tool => "TOOL",
            Role::Other => "OTHER",
        },
        "text": message.and_then(Message::text),
        "reasoning": message.and_then(Message::reasoning),
        "parts": message.map(|message| message.parts.iter().map(part).collect::<Vec<_>>()).unwrap_or_default(),
        "timestamp": time(utterance.timestamp_ns),
        "agent": utterance.agent,
        "model": utterance.model,
        "finishReason": utterance.finish_reason,
        "durationMs": utterance.duration_ns.map(ms),
        "usage": utterance.usage.as_ref().map(usage),
        "cost": utterance.cost.map(|cost: CallCost| json!({
            "input": dollars(cost.input),
            "output": dollars(cost.output),
            "total": dollars(cost.total),
        })),
        "error": utterance.error.as_ref().map(error),
        "toolCalls": utterance.tool_calls.iter().map(tool_call).collect::<Vec<_>>(),
        "thread": utterance.thread,
        "threadParent": utterance.thread_parent,
        "superseded": utterance.superseded,
        "summary": utterance.is_summary,
        "unseenMessages": utterance.unseen,
        "contextStart": utterance.context_start,
        "contentCaptured": utterance.content_captured,
        "spans": utterance.spans.iter().map(|key| json!({
            "traceId": key.trace,
            "id": key.span,
        })).collect::<Vec<_>>(),
    })
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({"type": "TEXT", "text": text}),
        Part::Reasoning { text } => json!({"type": "REASONING", "text": text}),
        Part::ToolCall {
            id,
            name,
            arguments,
        } => {
            json!({"type": "TOOL_CALL", "json": {"id": id, "name": name, "arguments": arguments}})
        }
        Part::ToolResult {
            id, name, result, ..
        } => {
            json!({"type": "TOOL_RESULT", "json": {"id": id, "name": name, "result": result}})
        }
        Part::Media {
            mime_type,
            uri,
            size_bytes,
        } => {
            json!({"type": "MEDIA", "mimeType": mime_type, "uri": uri, "json": {"sizeBytes": size_bytes}})
        }
        Part::Other { json: value } => json!({"type": "OTHER", "json": value}),
    }
}

fn tool_call(tool: &ToolUse) -> Value {
    json!({
        "id": tool.id,
        "callId": tool.call_id,
        "name": tool.name,
        "arguments": tool.arguments,
        "result": tool.result,
        "status": match tool.status {
            ToolStatus::Pending => "PENDING",
            ToolStatus::Ok => "OK",
            ToolStatus::Error => "ERROR",
        },
        "abandoned": tool.abandoned,
        "error": tool.error.as_ref().map(error),
        "startedAt": tool.started_ns.map(time),
        "durationMs": tool.duration_ns.map(ms),
    })
}

fn error(error: &SpanError) -> Value {
    json!({"type": error.kind, "message": error.message})
}

fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
        "cacheWriteInputTokens": usage.cache_write_input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "totalTokens": usage.total_tokens(),
    })
}

fn cost(cost: &Cost) -> Value {
    json!({
        "input": dollars(cost.input),
        "output": dollars(cost.output),
        "total": dollars(cost.total),
        "unpricedCalls": cost.unpriced_calls,
    })
}

fn dollars(nanos: NanoUsd) -> f64 {
    nanos as f64 / 1e9
}

fn ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

/// RFC 3339 in UTC with microseconds; times beyond what a calendar holds are shown as its bounds.
fn time(ns: i64) -> String {
    let timestamp = Timestamp::from_microsecond(ns.div_euclid(1_000)).unwrap_or(Timestamp::MAX);
    format!("{timestamp:.6}")
}
