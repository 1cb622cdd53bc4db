//! Telling a script as spans: the same calls in the words of several SDKs, each with its ways of being inexact.

use crate::rng::Rng;
use crate::script::{Memory, ModelCall, Script, ToolRun};
use domain::ids::{SpanId, TraceId};
use domain::message::{Message, Part, Role};
use domain::raw::{Attributes, Origin, RawSpan, RawStatus};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    OtelGenAi,
    OpenInference,
    Vercel,
}

const START_NS: i64 = 1_790_000_000_000_000_000;
const TICK_NS: i64 = 1_000_000_000;

/// All spans of the script, in one dialect and one trace, in order of time.
pub fn tell(script: &Script, rng: &mut Rng) -> Vec<RawSpan> {
    let dialect = *rng.pick(&[Dialect::OtelGenAi, Dialect::OpenInference, Dialect::Vercel]);
    let mut sent = 0;
    let mut spans: Vec<RawSpan> = Vec::new();
    for call in &script.calls {
        let is_main = script.agents.iter().any(|(agent, _)| *agent == call.parent);
        let history = remembered(&call.history, script.memory, is_main, &mut sent);
        spans.push(model_call(dialect, call, &echoed(history, rng), rng));
    }
    spans.extend(script.runs.iter().map(|run| tool_run(dialect, run)));
    spans.extend(
        script
            .agents
            .iter()
            .map(|(at, name)| agent(dialect, *at, name)),
    );
    spans.sort_by_key(|span| span.start_ns);
    spans
}

fn remembered<'a>(
    history: &'a [Message],
    memory: Memory,
    is_main: bool,
    sent: &mut usize,
) -> &'a [Message] {
    match memory {
        Memory::Newest(count) if is_main => &history[history.len().saturating_sub(count)..],
        Memory::News if is_main => {
            // Only what is new since the last answer: the newest user message, or the results of the tools.
            let answered = history
                .iter()
                .rposition(|message| message.role == Role::Assistant);
            *sent = history.len();
            &history[answered.map_or(0, |position| position + 1)..]
        }
        _ => history,
    }
}

/// SDKs do not echo answers exactly.
fn echoed(history: &[Message], rng: &mut Rng) -> Vec<Message> {
    let mut echo = history.to_vec();
    for message in echo
        .iter_mut()
        .filter(|message| message.role == Role::Assistant)
    {
        for part in &mut message.parts {
            if let (Part::Text { text }, true) = (part, rng.chance(5)) {
                text.push_str("  ");
            }
        }
    }
    echo
}

fn span(at: u64, parent: u64, name: &str, attributes: Value) -> RawSpan {
    let Value::Object(attributes) = attributes else {
        unreachable!("attributes are written as objects")
    };
    let resource: Attributes = [("service.name".to_owned(), json!("shop"))]
        .into_iter()
        .collect();
    RawSpan {
        trace_id: TraceId([7; 16]),
        span_id: id(at),
        parent_span_id: (parent != 0).then(|| id(parent)),
        name: name.to_owned(),
        start_ns: START_NS + at as i64 * TICK_NS,
        end_ns: START_NS + at as i64 * TICK_NS + TICK_NS / 2,
        status: RawStatus::default(),
        attributes,
        events: Vec::new(),
        dropped_attributes: 0,
        origin: Arc::new(Origin {
            resource,
            ..Origin::default()
        }),
    }
}

fn id(at: u64) -> SpanId {
    SpanId(at.to_be_bytes())
}

fn failed(mut span: RawSpan) -> RawSpan {
    span.status = RawStatus {
        is_error: true,
        message: "RateLimitError: slow down".into(),
    };
    span.attributes
        .insert("error.type".into(), json!("RateLimitError"));
    span
}

fn model_call(dialect: Dialect, call: &ModelCall, history: &[Message], rng: &mut Rng) -> RawSpan {
    let system = format!(
        "You are helpful. It is now {}.",
        if rng.chance(50) { call.at } else { 0 }
    );
    let attributes = match dialect {
        Dialect::OtelGenAi => otel_genai::call(&system, history, call.answer.as_ref()),
        Dialect::OpenInference => openinference::call(&system, history, call.answer.as_ref()),
        Dialect::Vercel => vercel::call(&system, history, call.answer.as_ref()),
    };
    let span = span(call.at, call.parent, "chat", attributes);
    if call.answer.is_none() {
        failed(span)
    } else {
        span
    }
}

fn tool_run(dialect: Dialect, run: &ToolRun) -> RawSpan {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let attributes = match dialect {
        Dialect::OtelGenAi => json!({
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": run.name, "gen_ai.tool.call.id": run.id,
            "gen_ai.conversation.id": "c",
            "gen_ai.tool.call.arguments": run.arguments.to_string(), "gen_ai.tool.call.result": text(&run.result),
        }),
        Dialect::OpenInference => json!({
            "openinference.span.kind": "TOOL", "tool.name": run.name, "tool.id": run.id, "session.id": "c",
            "input.value": run.arguments.to_string(), "output.value": text(&run.result),
        }),
        Dialect::Vercel => json!({
            "ai.operationId": "ai.toolCall", "ai.toolCall.name": run.name, "ai.toolCall.id": run.id,
            "ai.telemetry.metadata.sessionId": "c",
            "ai.toolCall.args": run.arguments.to_string(), "ai.toolCall.result": run.result.to_string(),
        }),
    };
    let span = span(run.at, run.parent, &run.name, attributes);
    if run.failed { failed(span) } else { span }
}

fn agent(dialect: Dialect, at: u64, name: &str) -> RawSpan {
    let attributes = match dialect {
        Dialect::OtelGenAi => {
            json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, "gen_ai.conversation.id": "c"})
        }
        Dialect::OpenInference => {
            json!({"openinference.span.kind": "AGENT", "agent.name": name, "session.id": "c"})
        }
        Dialect::Vercel => json!({
            "ai.operationId": "ai.generateText", "ai.telemetry.functionId": name, "ai.telemetry.metadata.sessionId": "c",
        }),
    };
    span(at, 0, name, attributes)
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

mod otel_genai {
    use super::*;

    pub(super) fn call(system: &str, history: &[Message], answer: Option<&Message>) -> Value {
        let input: Vec<Value> = history.iter().map(message).collect();
        let mut attributes = json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
            "gen_ai.conversation.id": "c",
            "gen_ai.system_instructions": json!([{"type": "text", "content": system}]).to_string(),
            "gen_ai.input.messages": json!(input).to_string(),
        });
        if let Some(answer) = answer {
            attributes["gen_ai.output.messages"] = json!(json!([message(answer)]).to_string());
        }
        attributes
    }

    fn message(message: &Message) -> Value {
        json!({"role": role_name(message.role), "parts": message.parts.iter().map(part).collect::<Vec<_>>()})
    }

    fn part(part: &Part) -> Value {
        match part {
            Part::Text { text } => json!({"type": "text", "content": text}),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => {
                json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments})
            }
            Part::ToolResult { id, result, .. } => {
                json!({"type": "tool_call_response", "id": id, "response": result})
            }
            _ => unreachable!("scripts have no other parts"),
        }
    }
}

mod openinference {
    use super::*;

    pub(super) fn call(system: &str, history: &[Message], answer: Option<&Message>) -> Value {
        let mut attributes =
            json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "session.id": "c"});
        put(
            &mut attributes,
            "llm.input_messages.0",
            &Message::text_of(Role::System, system),
        );
        for (index, message) in history.iter().enumerate() {
            put(
                &mut attributes,
                &format!("llm.input_messages.{}", index + 1),
                message,
            );
        }
        if let Some(answer) = answer {
            put(&mut attributes, "llm.output_messages.0", answer);
        }
        attributes
    }

    fn put(attributes: &mut Value, prefix: &str, message: &Message) {
        attributes[format!("{prefix}.message.role")] = json!(role_name(message.role));
        let mut calls = 0;
        for part in &message.parts {
            match part {
                Part::Text { text } => {
                    attributes[format!("{prefix}.message.content")] = json!(text)
                }
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                } => {
                    let call = format!("{prefix}.message.tool_calls.{calls}.tool_call");
                    attributes[format!("{call}.id")] = json!(id);
                    attributes[format!("{call}.function.name")] = json!(name);
                    attributes[format!("{call}.function.arguments")] = json!(arguments.to_string());
                    calls += 1;
                }
                Part::ToolResult { id, result, .. } => {
                    attributes[format!("{prefix}.message.tool_call_id")] = json!(id);
                    attributes[format!("{prefix}.message.content")] = result.clone();
                }
                _ => unreachable!("scripts have no other parts"),
            }
        }
    }
}

mod vercel {
    use super::*;

    pub(super) fn call(system: &str, history: &[Message], answer: Option<&Message>) -> Value {
        let mut prompt = vec![json!({"role": "system", "content": system})];
        prompt.extend(history.iter().map(message));
        let mut attributes = json!({
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m", "gen_ai.system": "openai.chat",
            "ai.telemetry.metadata.sessionId": "c", "ai.prompt.messages": json!(prompt).to_string(),
        });
        if let Some(text) = answer.and_then(Message::text) {
            attributes["ai.response.text"] = json!(text);
        }
        let calls: Vec<Value> = answer
            .into_iter()
            .flat_map(Message::tool_calls)
            .map(|(id, name, arguments)| json!({"toolCallId": id, "toolName": name, "input": arguments.to_string()}))
            .collect();
        if !calls.is_empty() {
            attributes["ai.response.toolCalls"] = json!(json!(calls).to_string());
        }
        attributes
    }

    fn message(message: &Message) -> Value {
        let parts: Vec<Value> = message.parts.iter().map(part).collect();
        json!({"role": role_name(message.role), "content": parts})
    }

    fn part(part: &Part) -> Value {
        match part {
            Part::Text { text } => json!({"type": "text", "text": text}),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => {
                json!({"type": "tool-call", "toolCallId": id, "toolName": name, "input": arguments})
            }
            Part::ToolResult { id, result, .. } => {
                json!({"type": "tool-result", "toolCallId": id, "output": {"type": "text", "value": result}})
            }
            _ => unreachable!("scripts have no other parts"),
        }
    }
}
