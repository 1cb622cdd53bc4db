//! Shapes that spans and logs get on their way from an SDK.

use super::Shape;
use crate::dialects::{Told, failed_by};
use crate::invent::NOT_A_NUMBER;
use crate::script::Script;
use crate::tape::Tape;
use domain::ids::SpanId;
use domain::raw::{RawEvent, RawSpan};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Added to the span ids of exports that are made again.
const AGAIN: u64 = 1 << 41;

/// Gives what was told the shapes of the script.
pub fn mutate(told: &mut Told, script: &Script, tape: &mut Tape) {
    let has = |shape: Shape| script.shapes.contains(&shape);
    if has(Shape::ControlFlow) {
        control_flow(told, script, tape);
    }
    if has(Shape::RoleNames) {
        each_value(told, &mut |value| rename_roles(value, tape));
    }
    if has(Shape::Empties) {
        each_value(told, &mut |value| add_empties(value, tape));
        told.spans
            .iter_mut()
            .for_each(|span| empty_attributes(span, script, tape));
    }
    not_a_number(told, has(Shape::NotANumber));
    if has(Shape::CutHistories) {
        cut(told, script);
    }
    if has(Shape::DuplicateExports) {
        duplicate(told, script, tape);
    }
    if has(Shape::SkewedClocks) {
        skew(told, script, tape);
    }
}

/// Changes every structure that an attribute holds, as itself or as JSON text.
fn each_value(told: &mut Told, change: &mut impl FnMut(&mut Value)) {
    let spans = told.spans.iter_mut().map(|span| &mut span.attributes);
    let logs = told.logs.iter_mut().map(|log| &mut log.attributes);
    for attributes in spans.chain(logs) {
        for (name, value) in attributes.iter_mut() {
            if name.ends_with(".role") {
                let mut message = json!({"role": value.take()});
                change(&mut message);
                *value = message["role"].take();
                continue;
            }
            // The values of tools are theirs.
            const TOOLS: &[&str] = &[
                ".tool",
                "toolCall.",
                "entity.",
                "input.value",
                "output.value",
            ];
            if TOOLS.iter().any(|tool| name.contains(tool)) {
                continue;
            }
            let structure = value
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok());
            match structure {
                Some(mut structure @ (Value::Array(_) | Value::Object(_))) => {
                    each_message(&mut structure, change);
                    *value = json!(structure.to_string());
                }
                _ => each_message(value, change),
            }
        }
    }
}

fn each_message(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_message(item, change)),
        Value::Object(map) if map.get("role").is_some_and(Value::is_string) => change(value),
        _ => {}
    }
}

fn rename_roles(message: &mut Value, tape: &mut Tape) {
    let names: &[&str] = match message["role"].as_str() {
        Some("user") => &["user", "human", "USER", "HumanMessage", "MessageRole.USER"],
        Some("assistant") => &[
            "assistant",
            "ai",
            "model",
            "AIMessage",
            "CHATBOT",
            "Role.ASSISTANT",
        ],
        Some("tool") => &[
            "tool",
            "TOOL",
            "ToolMessage",
            "MessageRole.TOOL",
            "tool-response",
        ],
        Some("system") => &["system", "developer", "SYSTEM", "SystemMessage"],
        _ => return,
    };
    message["role"] = json!(tape.pick(names));
}

/// What dumped classes hold beside what was said.
fn add_empties(message: &mut Value, tape: &mut Tape) {
    const NAMES: &[&str] = &[
        "refusal",
        "annotations",
        "audio",
        "function_call",
        "tool_calls",
        "name",
        "id",
        "metadata",
        "reasoning_content",
        "finish_reason",
        "tool_call_id",
        "thinking",
        "error",
    ];
    let Value::Object(map) = message else { return };
    for name in NAMES {
        if tape.chance(30) && !map.contains_key(*name) {
            let empty = tape.pick(&empties()[..4]).clone();
            map.insert((*name).to_owned(), empty);
        }
    }
}

fn empties() -> [Value; 7] {
    let structures = [json!(null), json!([]), json!({}), json!("")];
    let [null, list, object, text] = structures;
    [
        null,
        list,
        object,
        text,
        json!("[]"),
        json!("{}"),
        json!("null"),
    ]
}

/// What instrumentations set that have nothing to set.
fn empty_attributes(span: &mut RawSpan, script: &Script, tape: &mut Tape) {
    const NAMES: &[&str] = &[
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.request.messages",
        "gen_ai.response.text",
        "gen_ai.response.tool_calls",
        "ai.prompt.messages",
        "ai.response.text",
        "ai.response.toolCalls",
        "input.value",
        "output.value",
        "llm.input_messages",
        "llm.output_messages",
        "gen_ai.conversation.id",
        "session.id",
        "gen_ai.response.id",
        "error.type",
    ];
    // Nothing tells an empty argument from no argument.
    let is_tool = script
        .runs
        .iter()
        .any(|run| span_id(run.id) == span.span_id);
    for name in NAMES
        .iter()
        .filter(|name| !is_tool || name.ends_with(".id"))
    {
        if tape.chance(20) && !span.attributes.contains_key(*name) {
            let empty = tape.pick(&empties()).clone();
            span.attributes.insert((*name).to_owned(), empty);
        }
    }
}

/// Python's `json.dumps` writes what JSON does not have.
fn not_a_number(told: &mut Told, is_bare: bool) {
    if !is_bare {
        return;
    }
    let quoted = format!("\"{NOT_A_NUMBER}\"");
    let escaped = format!("\\\"{NOT_A_NUMBER}\\\"");
    let spans = told.spans.iter_mut().map(|span| &mut span.attributes);
    let logs = told.logs.iter_mut().map(|log| &mut log.attributes);
    for value in spans.chain(logs).flat_map(Map::values_mut) {
        if let Value::String(text) = value {
            *text = text
                .replace(&escaped, NOT_A_NUMBER)
                .replace(&quoted, NOT_A_NUMBER);
        }
    }
}

/// Exceptions that hand over to another agent end the spans of agents.
fn control_flow(told: &mut Told, script: &Script, tape: &mut Tape) {
    const NAMES: &[&str] = &[
        "langgraph.errors.ParentCommand",
        "ParentCommand",
        "GraphInterrupt",
    ];
    for span in &mut told.spans {
        let is_agent = script
            .agents
            .iter()
            .any(|agent| span_id(agent.id) == span.span_id);
        if !is_agent || !tape.chance(60) {
            continue;
        }
        let name = *tape.pick(NAMES);
        let message = "Command(graph='__parent__', goto='writer')";
        *span = failed_by(span.clone(), name, message);
        if tape.chance(50) {
            let attributes = json!({"exception.type": name, "exception.message": message});
            let Value::Object(attributes) = attributes else {
                continue;
            };
            span.events.push(RawEvent {
                name: "exception".into(),
                time_ns: span.end_ns,
                attributes,
            });
        }
    }
}

/// A length limit on attributes, in calls whose history ends with what tools gave: every message of it is known from others.
fn cut(told: &mut Told, script: &Script) {
    const NAMES: &[&str] = &[
        "gen_ai.input.messages",
        "gen_ai.request.messages",
        "ai.prompt.messages",
    ];
    for call in &script.calls {
        let ends_with_result = call
            .history
            .last()
            .is_some_and(|last| last.tool_results().next().is_some());
        if !ends_with_result {
            continue;
        }
        for span in told
            .spans
            .iter_mut()
            .filter(|span| span.span_id == span_id(call.id))
        {
            for name in NAMES {
                if let Some(Value::String(text)) = span.attributes.get_mut(*name) {
                    let bytes =
                        (text.len() - text.len() / 8..).find(|end| text.is_char_boundary(*end));
                    text.truncate(bytes.unwrap_or(text.len()));
                }
            }
        }
    }
}

/// An exporter that tries again, behind a processor that gives new ids.
fn duplicate(told: &mut Told, script: &Script, tape: &mut Tape) {
    let mut copies: BTreeMap<SpanId, SpanId> = BTreeMap::new();
    for call in script.calls.iter().filter(|call| !call.answers.is_empty()) {
        if tape.chance(30) {
            copies.insert(span_id(call.id), span_id(call.id + AGAIN));
        }
    }
    let spans: Vec<RawSpan> = told
        .spans
        .iter()
        .filter_map(|span| {
            Some(RawSpan {
                span_id: *copies.get(&span.span_id)?,
                ..span.clone()
            })
        })
        .collect();
    let logs: Vec<_> = told
        .logs
        .iter()
        .filter_map(|log| {
            let mut copy = log.clone();
            copy.span_id = *copies.get(&log.span_id)?;
            Some(copy)
        })
        .collect();
    told.spans.extend(spans);
    told.logs.extend(logs);
}

/// Tools run in a service of their own, whose clock is wrong.
fn skew(told: &mut Told, script: &Script, tape: &mut Tape) {
    const MINUTE_NS: i64 = 60_000_000_000;
    let skew_ns = (tape.below(21) as i64 - 10) * MINUTE_NS;
    let mut there: BTreeSet<u64> = script.runs.iter().map(|run| run.id).collect();
    loop {
        let agents = script.agents.iter().map(|agent| (agent.id, agent.parent));
        let calls = script.calls.iter().map(|call| (call.id, call.parent));
        let below = agents
            .chain(calls)
            .filter(|(_, parent)| there.contains(parent));
        let below: Vec<u64> = below.map(|(id, _)| id).collect();
        let before = there.len();
        there.extend(below);
        if there.len() == before {
            break;
        }
    }
    let is_there = |span: SpanId| there.contains(&(u64::from_be_bytes(span.0) & !AGAIN));
    for span in told.spans.iter_mut().filter(|span| is_there(span.span_id)) {
        span.start_ns += skew_ns;
        span.end_ns += skew_ns;
    }
    for log in told.logs.iter_mut().filter(|log| is_there(log.span_id)) {
        log.time_ns += skew_ns;
    }
}

fn span_id(id: u64) -> SpanId {
    SpanId(id.to_be_bytes())
}
