//! The script, line by line, against what each export tells. Where an export tells otherwise,
//! `schemas/examples/transcripts/README.md` must say so and why; nothing else may differ.

use super::told::{EXPECTED, view};
use super::{Export, bytes, folder, read};
use domain::message::Role;
use domain::view::{Utterance, View};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the application did and what an ideal SDK would tell of it.
const SCRIPT: [(&str, &str); 14] = [
    ("line 1", "user: Hello, I plan a trip to Paris next week."),
    (
        "line 2",
        "assistant: Answer number 1: you said 'Hello, I plan a trip to Paris next week.'.",
    ),
    ("line 3", "user: What is the weather in Paris, in celsius?"),
    (
        "line 4",
        r#"assistant: get_weather{"location":"Paris","unit":"celsius"} -> {"conditions":"rainy","location":"Paris","temp":14,"unit":"celsius"}"#,
    ),
    (
        "line 5",
        r#"assistant: In Paris it is rainy and 14 degrees C, so take an umbrella. (tool said: {"location": "Paris", "temp": 14, "unit": "celsius", "conditions": "rainy"})"#,
    ),
    (
        "line 6",
        "user: Thanks! My e-mail is jane.doe@example.com, please remember it.",
    ),
    (
        "line 7",
        "assistant: Answer number 3: you said 'Thanks! My e-mail is jane.doe@example.com, please remember it.'.",
    ),
    ("line 8", "user: please fail"),
    ("line 9", "assistant failed: RateLimitError"),
    (
        "system prompt",
        "You are a helpful travel assistant. Answer in one or two sentences and use the tools when asked for the weather.",
    ),
    ("conversation id", "conv-3f9a1c7e-drivers"),
    ("user", "user-42"),
    ("finish reasons", "stop, tool_calls, stop, stop"),
    ("cached and reasoning tokens", "told"),
];

#[test]
fn every_export_tells_the_script_but_for_what_is_written_down() {
    let found: BTreeSet<[String; 3]> = EXPECTED
        .iter()
        .flat_map(|expected| differences(expected.label))
        .collect();
    let written = written_down();
    let lines = |rows: Vec<&[String; 3]>| -> String {
        let rows = rows.into_iter();
        rows.map(|[folder, what, reads]| format!("| `{folder}` | {what} | {reads} |\n"))
            .collect()
    };
    let unexplained = lines(found.difference(&written).collect());
    let outdated = lines(written.difference(&found).collect());
    assert!(
        unexplained.is_empty() && outdated.is_empty(),
        "differences that the README does not explain:\n{unexplained}\nrows of the README that are not so:\n{outdated}"
    );
}

fn differences(label: &str) -> Vec<[String; 3]> {
    let export = read(label);
    let view = view(&export);
    let mut told = told_of(&export, &view);
    let mut differences = Vec::new();
    for (what, truth) in SCRIPT {
        let reads = told.remove(what).unwrap_or_else(|| "nothing".to_owned());
        if reads != truth {
            differences.push([label.to_owned(), what.to_owned(), reads]);
        }
    }
    let more = told.into_iter();
    differences.extend(more.map(|(what, reads)| [label.to_owned(), what, reads]));
    differences
}

fn told_of(export: &Export, view: &View) -> BTreeMap<String, String> {
    let messages = &view.transcript.messages;
    let lines = messages.iter().enumerate();
    let mut told: BTreeMap<String, String> = lines
        .map(|(index, message)| (format!("line {}", index + 1), line(message)))
        .collect();
    let mut tell = |what: &str, value: Option<String>| {
        told.extend(value.map(|value| (what.to_owned(), value)));
    };
    let prompts = view.transcript.system_prompts.iter();
    let prompts: Vec<String> = prompts
        .map(|prompt| prompt.text.replace('\n', " "))
        .collect();
    tell("system prompt", Some(prompts.join(" / ")));
    let ids = export.spans.iter().map(|span| &span.conversation_id);
    let ids = ids.chain(export.logs.iter().map(|log| &log.conversation_id));
    let ids: BTreeSet<&String> = ids.flatten().collect();
    tell("conversation id", ids.into_iter().next().cloned());
    tell("user", view.totals.user.id.clone());
    let reasons = messages
        .iter()
        .filter_map(|message| message.finish_reason.as_deref());
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    tell(
        "finish reasons",
        Some(reasons).filter(|reasons| !reasons.is_empty()),
    );
    let usage = view.totals.usage;
    let details = match (usage.cached_input_tokens > 0, usage.reasoning_tokens > 0) {
        (true, true) => "told",
        (true, false) => "cached only",
        (false, true) => "reasoning only",
        (false, false) => "neither",
    };
    tell("cached and reasoning tokens", Some(details.to_owned()));
    told
}

fn line(message: &Utterance) -> String {
    let role = match message.role {
        Role::Tool => "tool",
        Role::Other => "other",
        Role::User => "user",
        Role::Assistant | Role::System => "assistant",
    };
    let text = message.message.as_ref().and_then(|message| message.text());
    let said = match (text, &message.error) {
        (text, Some(error)) => {
            let kind = error.kind.as_deref().unwrap_or("-");
            return format!("{role} failed: {}{kind}", text.unwrap_or_default());
        }
        (text, None) => text.unwrap_or_default(),
    };
    let json = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    let tools = message.tool_calls.iter().map(|tool| {
        let (arguments, result) = (json(&tool.arguments), json(&tool.result));
        format!("{}{arguments} -> {result}", tool.name)
    });
    let parts: Vec<String> = std::iter::once(said)
        .filter(|said| !said.is_empty())
        .chain(tools)
        .collect();
    let superseded = if message.superseded {
        " (superseded)"
    } else {
        ""
    };
    format!("{role}: {}{superseded}", parts.join(" + "))
}

/// The rows of the README: folder, what, and how it reads; the reason is for people.
fn written_down() -> BTreeSet<[String; 3]> {
    let path = folder("../transcripts/README.md");
    let text = String::from_utf8(bytes(&path)).expect("UTF-8");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [folder, what, reads, reason] = cells[..] else {
            panic!("not four cells: {row}");
        };
        assert!(!reason.is_empty(), "no reason: {row}");
        [folder.trim_matches('`'), what, reads].map(str::to_owned)
    })
    .collect()
}
