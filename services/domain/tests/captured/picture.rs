//! Spans and logs as lines that a person can check against the script.

use domain::message::{Message, Part};
use domain::span::{Content, Span, SpanLog};
use std::fmt::Write as _;

pub(crate) fn span(span: &Span) -> String {
    let mut out = format!("{} | {:?}", span.name, span.operation);
    if !span.is_genai {
        return out + " | not GenAI\n";
    }
    for (label, value) in [
        ("conversation", &span.conversation_id),
        ("agent", &span.agent),
        ("provider", &span.provider),
        ("user", &span.user.id),
        ("environment", &span.environment),
    ] {
        if let Some(value) = value {
            let _ = write!(out, " | {label} {value}");
        }
    }
    let _ = writeln!(out, "\n    by {} in {}", span.instrumentation, span.project);
    if span.request_model.is_some() || span.response_model.is_some() {
        let model = |model: &Option<String>| model.clone().unwrap_or_else(|| "-".into());
        let _ = writeln!(
            out,
            "    model {} -> {}",
            model(&span.request_model),
            model(&span.response_model)
        );
    }
    if let Some(usage) = span.usage {
        let _ = write!(
            out,
            "    tokens {} in ({} cached), {} out ({} reasoning)",
            usage.input_tokens,
            usage.cached_input_tokens,
            usage.output_tokens,
            usage.reasoning_tokens
        );
        if let Some(cost) = span.reported_cost {
            let _ = write!(out, ", {} nano USD", cost.total);
        }
        out.push('\n');
    }
    for (label, value) in [
        ("response", &span.response_id),
        ("finish", &span.finish_reason),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "    {label} {value}");
        }
    }
    if let Some(error) = &span.error {
        let _ = writeln!(
            out,
            "    ERROR {} | {}",
            error.kind.as_deref().unwrap_or("-"),
            short(error.message.as_deref().unwrap_or("-"))
        );
    }
    if let Some(tool) = &span.tool {
        let show = |value: &Option<serde_json::Value>| {
            value.as_ref().map_or("-".into(), ToString::to_string)
        };
        let _ = writeln!(
            out,
            "    tool {} ({}) {} -> {}",
            tool.name,
            tool.call_id.as_deref().unwrap_or("-"),
            show(&tool.arguments),
            show(&tool.result)
        );
    }
    content(&span.content, &mut out);
    let left: Vec<&str> = span.attributes.keys().map(String::as_str).collect();
    let _ = writeln!(out, "    left: {}", left.join(" "));
    out
}

pub(crate) fn log(log: &SpanLog) -> String {
    let mut out = format!(
        "log of {} | {}",
        log.key.span,
        if log.is_complete {
            "whole"
        } else {
            "one message"
        }
    );
    for (label, value) in [
        ("conversation", &log.conversation_id),
        ("user", &log.user.id),
        ("finish", &log.finish_reason),
    ] {
        if let Some(value) = value {
            let _ = write!(out, " | {label} {value}");
        }
    }
    out.push('\n');
    content(&log.content, &mut out);
    out
}

fn content(content: &Content, out: &mut String) {
    for (mark, messages) in [
        ("", &content.system),
        ("", &content.input),
        ("=> ", &content.output),
    ] {
        for message in messages {
            let _ = writeln!(out, "    {mark}{}", line(message));
        }
    }
}

fn line(message: &Message) -> String {
    let parts: Vec<String> = message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => short(text),
            Part::Reasoning { text } => format!("({})", short(text)),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => format!("CALL {name}{arguments} #{}", id.as_deref().unwrap_or("-")),
            Part::ToolResult { id, result, .. } => {
                format!("RESULT {result} #{}", id.as_deref().unwrap_or("-"))
            }
            other => format!("{other:?}"),
        })
        .collect();
    format!("{:?}: {}", message.role, parts.join(" + "))
}

fn short(text: &str) -> String {
    let line = text.replace('\n', "\\n");
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
