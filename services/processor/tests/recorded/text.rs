//! Conversations as lines of text: what goldens hold.

use domain::message::Part;
use domain::view::{ToolStatus, View};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(crate) fn told(label: &str, views: &BTreeMap<String, View>) -> String {
    let mut out = format!("{label}\n");
    for (id, view) in views {
        let totals = &view.totals;
        let is_hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = if id.len() == 32 && is_hex {
            "(one per trace)"
        } else {
            id
        };
        writeln!(
            out,
            "\n== {id}: {} LLM calls, {} tool calls, {} errors, {} in ({} cached), {} out ({} reasoning), {} unpriced",
            totals.llm_calls,
            totals.tool_calls,
            totals.errors,
            totals.usage.input_tokens,
            totals.usage.cached_input_tokens,
            totals.usage.output_tokens,
            totals.usage.reasoning_tokens,
            totals.cost.unpriced_calls,
        )
        .expect("writing to a string");
        writeln!(
            out,
            "   models {:?} agents {:?} tools {:?} user {:?} environment {:?}",
            totals.models, totals.agents, totals.tools, totals.user.id, totals.environment
        )
        .expect("writing to a string");
        for prompt in &view.transcript.system_prompts {
            writeln!(out, "   system ({} calls): {}", prompt.calls, prompt.text)
                .expect("writing to a string");
        }
        for message in &view.transcript.messages {
            let thread = if message.thread > 0 {
                format!("[{}] ", message.thread)
            } else {
                String::new()
            };
            let mark = if message.superseded { "~" } else { "" };
            let body = message.message.as_ref().and_then(|message| message.text());
            let body = body.unwrap_or_else(|| match (&message.error, message.content_captured) {
                (Some(error), _) => format!("({})", error.kind.as_deref().unwrap_or("?")),
                (None, true) => String::new(),
                (None, false) => "(not captured)".to_owned(),
            });
            let role = format!("{:?}", message.role).to_lowercase();
            let unseen = match message.unseen {
                0 => String::new(),
                unseen => format!("   (without {unseen} before)"),
            };
            writeln!(out, "{thread}{mark}{role}: {body}{unseen}").expect("writing to a string");
            if let Some(reasoning) = message
                .message
                .as_ref()
                .and_then(|message| message.reasoning())
            {
                writeln!(out, "    reasoning: {reasoning}").expect("writing to a string");
            }
            for part in message.message.iter().flat_map(|message| &message.parts) {
                write_part(&mut out, part);
            }
            for tool in &message.tool_calls {
                let json = |value: &Option<Value>| {
                    let told = value.as_ref().filter(|value| !value.is_null());
                    told.map_or("-".to_owned(), Value::to_string)
                };
                let status = match tool.status {
                    ToolStatus::Pending if tool.abandoned => " (abandoned)",
                    ToolStatus::Pending => " (pending)",
                    ToolStatus::Ok => "",
                    ToolStatus::Error => " (failed)",
                };
                writeln!(
                    out,
                    "    {}{} -> {}{status}",
                    tool.name,
                    json(&tool.arguments),
                    json(&tool.result)
                )
                .expect("writing to a string");
            }
        }
    }
    out
}

/// Of what is neither said, thought nor a tool's.
fn write_part(out: &mut String, part: &Part) {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    match part {
        Part::Media { mime_type, uri, .. } => {
            writeln!(out, "    media: {} {}", or_dash(mime_type), or_dash(uri))
        }
        Part::Other { json } => writeln!(out, "    other: {json}"),
        _ => return,
    }
    .expect("writing to a string");
}
