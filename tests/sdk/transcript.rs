//! A conversation as lines of text, from what the gateway says of it.

use harness::reading::text;
use serde_json::Value;
use std::fmt::Write as _;

/// What was said, then what it took. Only what does not change from run to run.
pub fn of(conversation: &Value) -> String {
    let mut lines = String::new();
    for prompt in list(&conversation["systemPrompts"]) {
        let _ = writeln!(lines, "system: {}", text(&prompt["text"]));
    }
    for message in list(&conversation["messages"]["nodes"]) {
        write_message(&mut lines, message);
    }
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let usage = &conversation["usage"];
    let _ = writeln!(
        lines,
        "{} LLM calls, {} tool calls, {} errors",
        number(&conversation["llmCalls"]),
        number(&conversation["toolCalls"]),
        number(&conversation["errors"]),
    );
    let _ = writeln!(
        lines,
        "{} tokens in, {} of them cached; {} out, {} of them reasoning",
        number(&usage["inputTokens"]),
        number(&usage["cachedInputTokens"]),
        number(&usage["outputTokens"]),
        number(&usage["reasoningTokens"]),
    );
    let cost = conversation["cost"]["total"].as_f64();
    let _ = writeln!(lines, "cost {}", cost_text(cost));
    let user = conversation["user"]["id"].as_str().unwrap_or("unknown");
    let _ = writeln!(lines, "user {user}");
    let agents: Vec<_> = list(&conversation["agents"]).iter().map(text).collect();
    let _ = writeln!(lines, "agents {agents:?}");
    lines
}

/// In millionths of a dollar, which is what a token costs.
pub fn cost_text(dollars: Option<f64>) -> String {
    match dollars {
        Some(dollars) => format!("{:.2} millionths of a dollar", dollars * 1e6),
        None => "unknown".to_owned(),
    }
}

fn write_message(lines: &mut String, message: &Value) {
    let role = text(&message["role"]).to_lowercase();
    let said = message["text"].as_str().unwrap_or_default().trim();
    let superseded = if message["superseded"] == true {
        " (superseded)"
    } else {
        ""
    };
    let captured = if message["contentCaptured"] == false {
        " (content not captured)"
    } else {
        ""
    };
    let thread = match message["threadParent"].is_null() {
        true => "",
        false => " (in a thread below)",
    };
    let _ = write!(lines, "{role}{superseded}{captured}{thread}: {said}");
    if let Some(error) = message["error"]["type"].as_str() {
        let _ = write!(lines, "failed with {error}");
    }
    lines.push('\n');
    for call in list(&message["toolCalls"]) {
        let _ = writeln!(
            lines,
            "  {} {} -> {} {}",
            text(&call["name"]),
            call["arguments"],
            call["result"],
            if call["span"].is_null() {
                "(as the model was told)"
            } else {
                "(as it ran)"
            },
        );
    }
}

/// The lines of both texts, those that only one has marked.
pub fn difference(expected: &str, told: &str) -> String {
    let (expected, told): (Vec<_>, Vec<_>) = (expected.lines().collect(), told.lines().collect());
    // lengths[i][j]: of the longest common subsequence of what follows expected[i] and told[j].
    let mut lengths = vec![vec![0; told.len() + 1]; expected.len() + 1];
    for i in (0..expected.len()).rev() {
        for j in (0..told.len()).rev() {
            lengths[i][j] = if expected[i] == told[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let mut lines = String::new();
    let (mut i, mut j) = (0, 0);
    while i < expected.len() || j < told.len() {
        let (mark, line) = match (expected.get(i), told.get(j)) {
            (Some(old), Some(new)) if old == new => {
                (i, j) = (i + 1, j + 1);
                (' ', old)
            }
            (Some(old), new) if new.is_none() || lengths[i + 1][j] >= lengths[i][j + 1] => {
                i += 1;
                ('-', old)
            }
            (_, Some(new)) => {
                j += 1;
                ('+', new)
            }
            _ => break,
        };
        let _ = writeln!(lines, "{mark} {line}");
    }
    lines
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
