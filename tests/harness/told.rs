//! Conversations as the lines of text that goldens hold, from what the gateway says of them.

use crate::reading::text;
use serde_json::Value;
use std::fmt::Write as _;

/// One conversation: its numbers, its system prompts, and what was said.
pub fn told(conversation: &Value) -> String {
    let mut out = head(conversation);
    for prompt in list(&conversation["systemPrompts"]) {
        line(
            &mut out,
            format_args!(
                "   system ({} calls): {}",
                prompt["calls"],
                text(&prompt["text"])
            ),
        );
    }
    for message in list(&conversation["messages"]["nodes"]) {
        write_message(&mut out, message);
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn head(conversation: &Value) -> String {
    let usage = &conversation["usage"];
    let names = |key: &str| -> Vec<String> { list(&conversation[key]).iter().map(text).collect() };
    let maybe = |value: &Value| value.as_str().map(str::to_owned);
    format!(
        "== {}: {} LLM calls, {} tool calls, {} errors, {} in ({} cached), {} out ({} reasoning), {} unpriced\n   models {:?} agents {:?} tools {:?} user {:?} environment {:?}\n",
        text(&conversation["id"]),
        conversation["llmCalls"],
        conversation["toolCalls"],
        conversation["errors"],
        usage["inputTokens"],
        usage["cachedInputTokens"],
        usage["outputTokens"],
        usage["reasoningTokens"],
        conversation["cost"]["unpricedCalls"],
        names("models"),
        names("agents"),
        names("tools"),
        maybe(&conversation["user"]["id"]),
        maybe(&conversation["environment"]),
    )
}

fn write_message(out: &mut String, message: &Value) {
    let thread = match message["thread"].as_u64() {
        None | Some(0) => String::new(),
        Some(thread) => format!("[{thread}] "),
    };
    let mark = if message["superseded"] == true {
        "~"
    } else {
        ""
    };
    let role = text(&message["role"]).to_lowercase();
    let said = match (message["text"].as_str(), &message["error"]) {
        (Some(said), _) => said.to_owned(),
        (None, Value::Object(error)) => format!("({})", text(&error["type"])),
        (None, _) if message["contentCaptured"] == false => "(not captured)".to_owned(),
        (None, _) => String::new(),
    };
    let unseen = match message["unseenMessages"].as_u64() {
        None | Some(0) => String::new(),
        Some(unseen) => format!("   (without {unseen} before)"),
    };
    line(out, format_args!("{thread}{mark}{role}: {said}{unseen}"));
    if let Some(reasoning) = message["reasoning"].as_str() {
        line(out, format_args!("    reasoning: {reasoning}"));
    }
    for part in list(&message["parts"]) {
        let or_dash = |key: &str| part[key].as_str().unwrap_or("-").to_owned();
        match part["type"].as_str() {
            Some("MEDIA") => {
                let (kind, address) = (or_dash("mimeType"), or_dash("uri"));
                line(out, format_args!("    media: {kind} {address}"));
            }
            Some("OTHER") => line(out, format_args!("    other: {}", part["json"])),
            _ => {}
        }
    }
    list(&message["toolCalls"])
        .iter()
        .for_each(|call| write_call(out, call));
}

fn write_call(out: &mut String, call: &Value) {
    let or_dash = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    };
    let status = match (call["status"].as_str(), call["abandoned"].as_bool()) {
        (Some("PENDING"), Some(true)) => " (abandoned)",
        (Some("PENDING"), _) => " (pending)",
        (Some("ERROR"), _) => " (failed)",
        _ => "",
    };
    let (name, arguments) = (text(&call["name"]), or_dash(&call["arguments"]));
    let result = or_dash(&call["result"]);
    line(
        out,
        format_args!("    {name}{arguments} -> {result}{status}"),
    );
}
