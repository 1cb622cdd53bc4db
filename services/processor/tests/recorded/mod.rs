//! What each recorded SDK's conversation reads like, as golden text under `schemas/examples/transcripts`.
//! Set `UPDATE_EXAMPLES=1` to write what is read now, and read the difference.

mod memory;
mod reading;

use self::reading::{Raw, examples, files, read, recordings};
use domain::assembly::{Assembler, Reading, Whole};
use domain::ids::TraceKey;
use domain::normalise::Rules;
use domain::prepare::Fact;
use domain::trace::WithoutId;
use domain::usage::NoPrices;
use domain::view::{ToolStatus, View};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn every_recording_reads_as_it_was_played() {
    let mut different = Vec::new();
    for folder in recordings() {
        let label = folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let text = told(&label, &views(&folder, WithoutId::Trace));
        let golden = examples().join("transcripts").join(format!("{label}.txt"));
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            fs::create_dir_all(golden.parent().expect("a folder")).expect("writable");
            fs::write(&golden, &text).expect("writable");
        }
        if fs::read_to_string(&golden).unwrap_or_default() != text {
            different.push(format!("{label}:\n{text}"));
        }
    }
    assert!(
        different.is_empty(),
        "these read differently now:\n{}",
        different.join("\n")
    );
}

/// What operators are told of SDKs that are not known must not tell of those that are.
#[test]
fn every_word_of_the_recordings_is_read() {
    let rules = Rules::default();
    let mut spans = 0;
    for file in recordings().iter().flat_map(|folder| files(folder)) {
        for (raw, record_ms) in read(&file) {
            if let Raw::Span(raw) = raw {
                let span = domain::normalise::span(raw, record_ms, &rules);
                assert!(!span.is_unread, "{}: {span:#?}", file.display());
                spans += 1;
            }
        }
    }
    assert!(spans > 0);
}

/// Each recording is one conversation. Where its SDK gives an id, that is taken away.
#[test]
fn what_was_said_tells_which_calls_are_one_conversation() {
    const LABELS: [(&str, usize); 9] = [
        ("a_otel_openai_v2_latest_event", 5),
        ("a_otel_openai_v2_latest_span", 5),
        ("a_otel_openai_v2_legacy", 5),
        ("c_traceloop_sdk", 5),
        ("c_traceloop_sdk_v0475", 5),
        ("d_agents_oi_chat", 5),
        ("f_vercel_ai6_proto", 5),
        ("f_vercel_ai7_json", 5),
        ("i_growth_otel", 40),
    ];
    for (label, calls) in LABELS {
        let views = views(&examples().join("captured").join(label), WithoutId::History);
        let counts: Vec<usize> = views
            .values()
            .map(|view| view.totals.llm_calls as usize)
            .collect();
        assert_eq!(counts, [calls], "{label}");
    }
}

/// The conversations of a folder of exports, after everything was read. Ids count only where traces without one become
/// conversations.
fn views(folder: &Path, without_id: WithoutId) -> BTreeMap<String, View> {
    let rules = Rules::default();
    let assembler = Assembler {
        rules: &rules,
        prices: &NoPrices,
    };
    let mut whole = Whole::default();
    for file in files(folder) {
        for (raw, record_ms) in read(&file) {
            let mut reading = Reading::default();
            match raw {
                Raw::Span(raw) => assembler.span(raw, record_ms, &mut reading),
                Raw::Log(raw) => assembler.log(raw, record_ms, &mut reading),
            }
            if without_id == WithoutId::History {
                take_ids_away(&mut reading);
            }
            whole.take(reading);
        }
    }
    whole.settle(i64::MAX - 1, without_id);
    let conversations = whole.conversations().into_iter();
    conversations
        .map(|(key, conversation)| (key.id.clone(), conversation.view()))
        .collect()
}

fn take_ids_away(reading: &mut Reading) {
    for (key, mut prepared) in reading.named.drain(..) {
        match &mut prepared.fact {
            Fact::Span(span) => span.lacks_id = true,
            Fact::Log(log) => log.lacks_id = true,
        }
        let key = TraceKey {
            project: key.project,
            trace: prepared.fact.key().trace,
        };
        reading.traces.entry(key).or_default().facts.push(prepared);
    }
    for batch in reading.traces.values_mut() {
        for report in &mut batch.reports {
            report.conversation = None;
        }
    }
}

fn told(label: &str, views: &BTreeMap<String, View>) -> String {
    let mut out = format!("{label}\n");
    for (id, view) in views {
        let totals = &view.totals;
        let id = if id.len() == 32 {
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
            for tool in &message.tool_calls {
                let json =
                    |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
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
