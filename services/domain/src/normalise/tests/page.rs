//! `docs/conventions.md` is made from the tables.

use crate::normalise::dialects::detect::ALL;
use crate::normalise::draft::names::{List, Names};
use std::fmt::Write as _;
use std::fs;

/// What each of [`ALL`] is called, and since which release it is read.
const TITLES: [(&str, &str); ALL.len()] = [
    ("OpenTelemetry GenAI conventions, old and new", "0.1"),
    ("OpenInference (Arize Phoenix)", "0.1"),
    (
        "OpenLLMetry (Traceloop), LiteLLM's and Koog's flat prompts",
        "0.1",
    ),
    ("Vercel AI SDK", "0.1"),
    ("LangSmith", "0.1"),
    ("Pydantic AI and Logfire", "0.1"),
    ("Strands Agents", "0.1"),
    ("Google ADK", "0.1"),
    ("Sentry", "0.1"),
    ("Langfuse", "0.1"),
    ("MLflow", "0.1"),
    ("Laminar", "0.1"),
    ("LiteLLM", "0.1"),
    ("LiveKit", "0.1"),
    ("Genkit", "0.1"),
    ("smolagents", "0.1"),
    ("Mastra", "0.2"),
    ("Spring AI", "0.2"),
    ("Haystack", "0.2"),
    ("CrewAI", "0.2"),
    ("BeeAI", "0.2"),
    ("VoltAgent", "0.1"),
    ("Claude Code", "0.1"),
    ("Pipecat", "0.2"),
];

type Meaning = (&'static str, fn(&Names) -> List);

/// What the rows of a table mean.
const MEANINGS: [Meaning; 24] = [
    ("agent", |names| names.agent),
    ("tool", |names| names.tool_name),
    ("tool call's id", |names| names.tool_call_id),
    ("tool's arguments", |names| names.tool_arguments),
    ("tool's result", |names| names.tool_result),
    ("model asked for", |names| names.request_model),
    ("model that answered", |names| names.response_model),
    ("provider", |names| names.provider),
    ("response id", |names| names.response_id),
    ("response that is continued", |names| {
        names.previous_response_id
    }),
    ("finish reason", |names| names.finish_reason),
    ("input tokens", |names| names.input_tokens),
    ("output tokens", |names| names.output_tokens),
    ("all tokens", |names| names.total_tokens),
    ("cached input tokens", |names| names.cached_tokens),
    ("tokens written to a cache", |names| {
        names.cache_write_tokens
    }),
    ("reasoning tokens", |names| names.reasoning_tokens),
    ("cost", |names| names.cost_total),
    ("cost of the input", |names| names.cost_input),
    ("cost of the output", |names| names.cost_output),
    ("system prompt", |names| names.system),
    ("question and answer in one", |names| names.talk),
    ("question", |names| names.input),
    ("answer", |names| names.output),
];

fn row(out: &mut String, meaning: &str, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    writeln!(out, "| {meaning} | {} |", names.join(", ")).expect("writing to a string");
}

fn tables() -> String {
    let mut out = String::new();
    for (dialect, (title, since)) in ALL.iter().zip(TITLES) {
        write!(out, "\n## {title}\n\nRead since {since}.\n").expect("writing to a string");
        if dialect.names.all().next().is_none() {
            out.push_str("It has no names of its own, only words for what a span does.\n");
            continue;
        }
        out.push_str("\n| meaning | names |\n|---|---|\n");
        for (meaning, pick) in MEANINGS {
            row(&mut out, meaning, pick(dialect.names));
        }
        for answer in dialect.names.answers {
            let names: Vec<&str> = answer.names().collect();
            row(&mut out, "answer in pieces", &names);
        }
    }
    out
}

#[test]
fn the_page_of_conventions_is_made_from_the_tables() {
    const MARK: &str = "-->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conventions.md");
    let page = fs::read_to_string(path).expect("docs/conventions.md");
    let (head, _) = page.split_once(MARK).expect("the mark before the tables");
    let made = format!("{head}{MARK}{}", tables());
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(path, &made).expect("writable");
    }
    let page = fs::read_to_string(path).expect("docs/conventions.md");
    assert_eq!(page, made, "UPDATE_EXAMPLES=1 writes it");
    for name in ALL.iter().flat_map(|dialect| dialect.names.all()) {
        assert!(made.contains(&format!("`{name}`")), "{name}");
    }
}
