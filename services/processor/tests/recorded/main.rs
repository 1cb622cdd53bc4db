//! What each recorded SDK's conversation reads like, as golden text under `schemas/examples/transcripts`.
//! Set `UPDATE_EXAMPLES=1` to write what is read now, and read the difference.

mod memory;
mod reading;

use crate::reading::{Raw, examples, files, read, recordings};
use domain::chain::{self, Chain, Joints};
use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::ids::ConversationKey;
use domain::limits::Limits;
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::resolve::{Decision, Kind, Offer, Outcome, Resolver, Rule, Settings, WithoutId};
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
    let prices = NoPrices;
    let rules = Rules::default();
    let mut resolver: Resolver<Prepared> = Resolver::new(Settings::default());
    let mut outcomes = Vec::new();
    for file in files(folder) {
        for (raw, record_ms) in read(&file) {
            let offer = match raw {
                Raw::Span(raw) => {
                    let span = normalise::span(raw, record_ms, &rules);
                    let (key, parent, id) = (span.key, span.parent, span.conversation_id.clone());
                    let is_call = span.operation.is_llm();
                    let kind = if span.is_genai {
                        Kind::GenAiSpan
                    } else {
                        Kind::OtherSpan
                    };
                    let item = prepare::span(span, record_ms, &prices);
                    Offer {
                        parent,
                        is_call,
                        record_ms,
                        ..offer(item, key, id, kind)
                    }
                }
                Raw::Log(raw) => {
                    let Some(log) = normalise::log(raw, record_ms, &rules) else {
                        continue;
                    };
                    let (key, id) = (log.key, log.conversation_id.clone());
                    offer(prepare::log(log, record_ms), key, id, Kind::Log)
                }
            };
            let conversation_id = offer
                .conversation_id
                .clone()
                .filter(|_| without_id == WithoutId::Trace);
            let offer = Offer {
                conversation_id,
                without_id,
                ..offer
            };
            outcomes.push(resolver.offer(offer, 0));
        }
    }
    outcomes.push(resolver.tick(i64::MAX));
    chain(&mut outcomes);
    assemble(outcomes)
}

/// Chains what found no id, as a single processor does.
fn chain(outcomes: &mut Vec<Outcome<Prepared>>) {
    let settings = chain::Settings::default();
    let mut chain: Chain<Prepared> = Chain::new(settings);
    for outcome in &mut *outcomes {
        let decisions = std::mem::take(&mut outcome.decisions);
        let (pieces, others): (Vec<_>, Vec<_>) = decisions
            .into_iter()
            .partition(|decision| matches!(decision, Decision::Chain(_)));
        outcome.decisions = others;
        chain.take(
            pieces
                .into_iter()
                .filter_map(|decision| match decision {
                    Decision::Chain(piece) => Some(piece),
                    _ => None,
                })
                .collect(),
        );
    }
    let mut joints = Joints::new();
    let mut chained = Outcome::default();
    loop {
        let ids = chain.ready(i64::MAX - 1);
        if ids.is_empty() {
            break;
        }
        for (id, decided) in chain.decide(&ids, &mut joints, i64::MAX - 1) {
            let chain::Outcome::Settled { conversation, .. } = decided else {
                chain.give_up(id);
                continue;
            };
            let settled = chain.settle(id, &conversation).expect("it was there");
            for put in settled.puts {
                put.apply(joints.entry(put.point).or_default(), &settings);
            }
            let decisions = settled.pieces.into_iter().map(|piece| Decision::Assigned {
                conversation: ConversationKey {
                    project: "p".to_owned(),
                    id: conversation.clone(),
                },
                item: piece.item,
                rule: Rule::History,
                links: Vec::new(),
            });
            chained.decisions.extend(decisions);
        }
    }
    outcomes.push(chained);
}

fn offer(
    item: Prepared,
    key: domain::ids::SpanKey,
    conversation_id: Option<String>,
    kind: Kind,
) -> Offer<Prepared> {
    Offer {
        item,
        project: "p".into(),
        key,
        parent: None,
        conversation_id,
        kind,
        is_call: false,
        without_id: WithoutId::Trace,
        bytes: 0,
        record_ms: 0,
    }
}

fn assemble(outcomes: Vec<Outcome<Prepared>>) -> BTreeMap<String, View> {
    let mut conversations: BTreeMap<String, Conversation> = BTreeMap::new();
    let mut add = |id: String, entry: &dyn Fn(&Conversation) -> Entry| {
        let conversation = conversations.entry(id).or_default();
        let entry = entry(conversation);
        conversation.apply(entry);
    };
    let limits = Limits::default();
    for outcome in outcomes {
        for (key, link) in outcome.links {
            add(key.id, &|known| known.entry_for(&[], &[link], &limits));
        }
        for decision in outcome.decisions {
            if let Decision::Assigned {
                item,
                conversation,
                links,
                ..
            } = decision
            {
                add(conversation.id, &|known| {
                    known.entry_for(std::slice::from_ref(&item), &links, &limits)
                });
            }
        }
    }
    conversations
        .into_iter()
        .map(|(id, conversation)| (id, conversation.view()))
        .collect()
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
