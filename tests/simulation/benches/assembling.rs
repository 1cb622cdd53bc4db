//! What assembling costs as a conversation grows. The figures to look at are per call and per byte: they stay the same.
//!
//! `assemble`: all calls are taken in and read once. `live`: the conversation is written after each call, as for one that
//! is watched, resting between writes as the processor does. `few_shot`: every call begins with the same examples, so that
//! all questions are siblings. `prepare`: spans with their whole histories become facts.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::conversation::Conversation;
use domain::facts::Node;
use domain::ids::{Digest, SpanId, TraceId};
use domain::limits::Limits;
use domain::message::{Message, Role};
use domain::normalise::{self, Rules};
use domain::prepare::{self, Fact, Prepared};
use domain::raw::{Origin, RawSpan, RawStatus};
use domain::usage::NoPrices;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const START_NS: i64 = 1_790_000_000_000_000_000;
/// A write rests this many times as long as it took (`processor::pace`).
const REST_PER_COST: u32 = 9;
/// How fast calls come in the live case: one in this time.
const CALL_EVERY: Duration = Duration::from_millis(1);

fn question(call: usize) -> String {
    format!("What about number {call}? Please tell me in a sentence or two, with a reason.")
}

fn answer(call: usize) -> String {
    format!(
        "Number {call} is fine, for it comes after {} and before the next one.",
        call.max(1) - 1
    )
}

fn raw(call: usize, history: &[Value]) -> RawSpan {
    let output =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": answer(call)}]}]);
    let attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
        "gen_ai.conversation.id": "c", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2,
        "gen_ai.input.messages": json!(history).to_string(), "gen_ai.output.messages": output.to_string(),
    });
    let Value::Object(attributes) = attributes else {
        unreachable!("attributes are written as an object")
    };
    let start_ns = START_NS + call as i64 * 1_000_000_000;
    let id = (call as u64 + 1).to_be_bytes();
    RawSpan {
        trace_id: TraceId([[1; 8], id].concat().try_into().expect("16 bytes")),
        span_id: SpanId(id),
        parent_span_id: None,
        name: "chat m".into(),
        start_ns,
        end_ns: start_ns + 500_000_000,
        status: RawStatus::default(),
        attributes,
        events: Vec::new(),
        dropped_attributes: 0,
        origin: Arc::new(Origin::default()),
    }
}

fn message(role: &str, text: String) -> Value {
    json!({"role": role, "parts": [{"type": "text", "content": text}]})
}

/// The calls of a chat as facts, each with its whole history as a chain; only what is new stands beside it, as the rest is
/// known by digest.
fn facts(calls: usize) -> Vec<Prepared> {
    let mut tip: Option<Digest> = None;
    (0..calls)
        .map(|call| {
            let span = normalise::span(raw(call, &[]), 0, &Rules::default());
            let mut prepared = prepare::span(span, 0, &NoPrices);
            let mut said = vec![Message::text_of(Role::User, question(call))];
            if call > 0 {
                said.insert(0, Message::text_of(Role::Assistant, answer(call - 1)));
            }
            for message in said {
                let node = Node {
                    parent: tip,
                    message: message.digest(),
                };
                tip = Some(node.id());
                prepared.nodes.push((node.id(), node));
                let body = domain::facts::Body::Message(message);
                prepared.bodies.push((node.message, body));
            }
            if let Fact::Span(span) = &mut prepared.fact {
                span.content.history = tip;
            }
            prepared
        })
        .collect()
}

fn assemble(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assemble");
    group.sample_size(10);
    for calls in [10, 100, 1_000, 10_000] {
        let facts = facts(calls);
        group.throughput(Throughput::Elements(calls as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(calls),
            &facts,
            |bench, facts| {
                bench.iter(|| {
                    let mut conversation = Conversation::default();
                    for batch in facts.chunks(100) {
                        let entry = conversation.entry_for(batch, &[], &Limits::default());
                        conversation.apply(entry);
                    }
                    let view = conversation.view();
                    assert_eq!(view.transcript.messages.len(), 2 * facts.len());
                    view
                });
            },
        );
    }
}

fn live(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("live");
    group.sample_size(10);
    for calls in [10, 100, 1_000, 10_000] {
        let facts = facts(calls);
        group.throughput(Throughput::Elements(calls as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(calls),
            &facts,
            |bench, facts| {
                bench.iter(|| written_live(black_box(facts)));
            },
        );
    }
}

/// Writes as often as the pace allows, on a clock of its own.
fn written_live(facts: &[Prepared]) -> u32 {
    let mut conversation = Conversation::default();
    let mut written = 0;
    let mut now = Duration::ZERO;
    let mut messages = 0;
    while written < facts.len() {
        let came = (now.as_micros() / CALL_EVERY.as_micros()) as usize + 1;
        let batch = &facts[written..came.min(facts.len()).max(written + 1)];
        written += batch.len();
        let began = Instant::now();
        let entry = conversation.entry_for(batch, &[], &Limits::default());
        conversation.apply(entry);
        messages = conversation.view().totals.messages;
        let cost = began.elapsed();
        let rest = if cost < Duration::from_millis(2) {
            Duration::ZERO
        } else {
            cost * REST_PER_COST
        };
        now = (now + cost + rest.min(Duration::from_secs(1))).max(CALL_EVERY * written as u32);
    }
    messages
}

/// Calls that are given the same examples and a question of their own each.
fn few_shot_facts(calls: usize) -> Vec<Prepared> {
    let mut history = vec![
        message("user", question(0)),
        message("assistant", answer(0)),
        Value::Null,
    ];
    (1..=calls)
        .map(|call| {
            history[2] = message("user", question(call));
            let span = normalise::span(raw(call, &history), 0, &Rules::default());
            prepare::span(span, 0, &NoPrices)
        })
        .collect()
}

fn few_shot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("few_shot");
    group.sample_size(10);
    for calls in [10, 100, 1_000, 10_000] {
        let facts = few_shot_facts(calls);
        let mut conversation = Conversation::default();
        let entry = conversation.entry_for(&facts, &[], &Limits::default());
        conversation.apply(entry);
        group.throughput(Throughput::Elements(calls as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(calls),
            &conversation,
            |bench, conversation| bench.iter(|| conversation.view()),
        );
    }
}

fn prepare_whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepare");
    group.sample_size(10);
    for calls in [10, 100, 1_000] {
        let mut history = Vec::new();
        for call in 0..calls {
            history.push(message("user", question(call)));
            history.push(message("assistant", answer(call)));
        }
        let last = raw(calls, &history[..history.len() - 1]);
        let bytes = last.attributes["gen_ai.input.messages"]
            .as_str()
            .map_or(0, str::len);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(calls), &last, |bench, last| {
            let rules = Rules::default();
            bench.iter_batched(
                || last.clone(),
                |raw| prepare::span(normalise::span(raw, 0, &rules), 0, &NoPrices),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, assemble, live, few_shot, prepare_whole);
criterion_main!(benches);
