//! What a conversation takes in Redis.

use crate::support::{Random, SECOND_NS, START_NS, connect, key, open_window, written};
use domain::conversation::Conversation;
use domain::ids::{SpanId, SpanKey, TraceId};
use domain::limits::Limits;
use domain::message::{Message, Role};
use domain::prepare;
use domain::span::{Content, Operation, Span, User};
use domain::usage::{CallCost, Usage};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use store::testing::RedisServer;
use store::{IndexUpdate, Summary};

const TURNS: u64 = 40;
const QUESTION_BYTES: usize = 200;
const ANSWER_BYTES: usize = 800;
/// The promise is 80 KB for 41 KB of text; what is measured is about half of it.
const REDIS_BYTES_MAX: u64 = 64 * 1024;

/// Words of random syllables: harder to compress than any language.
fn prose(random: &mut Random, bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        for _ in 0..=random.below(3) {
            text.push(char::from(b"bcdfghklmnprstvwz"[random.below(17) as usize]));
            text.push(char::from(b"aeiou"[random.below(5) as usize]));
        }
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A call of an OpenTelemetry instrumentation, with the whole history, as SDKs send it.
fn call(turn: u64, history: &[Message], answer: Message, random: &mut Random) -> Span {
    let id = |random: &mut Random| random.below(u64::MAX).to_be_bytes();
    let trace: Vec<u8> = [id(random), id(random)].concat();
    let start_ns = START_NS + turn as i64 * 30 * SECOND_NS + random.below(1_000_000_000) as i64;
    let (input_tokens, output_tokens) = (250 * (turn + 1), 200);
    let response_id = format!("chatcmpl-{:016x}", random.below(u64::MAX));
    Span {
        key: SpanKey {
            trace: TraceId::from_bytes(&trace).unwrap(),
            span: SpanId::from_bytes(&id(random)).unwrap(),
        },
        parent: SpanId::from_bytes(&id(random)),
        project: "shop".to_owned(),
        conversation_id: Some("session-4711".to_owned()),
        hint: None,
        is_genai: true,
        name: "chat gpt-4o-mini".to_owned(),
        operation: Operation::Chat,
        start_ns,
        end_ns: start_ns + 1_500_000_000 + random.below(1_000_000_000) as i64,
        error: None,
        agent: Some("concierge".to_owned()),
        request_model: Some("gpt-4o-mini".to_owned()),
        response_model: Some("gpt-4o-mini-2024-07-18".to_owned()),
        provider: Some("openai".to_owned()),
        response_id: Some(response_id.clone()),
        previous_response_id: None,
        finish_reason: Some("stop".to_owned()),
        tool: None,
        usage: Some(Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        }),
        reported_cost: Some(CallCost {
            input: 150 * input_tokens as i64,
            output: 120_000,
            total: 150 * input_tokens as i64 + 120_000,
        }),
        content: Content {
            system: vec![Message::text_of(
                Role::System,
                "You are a helpful assistant.",
            )],
            input: history.to_vec(),
            output: vec![answer],
        },
        is_unread: false,
        original_input_messages: None,
        compacted: false,
        user: User {
            id: Some("user-42".to_owned()),
            ..User::default()
        },
        environment: Some("production".to_owned()),
        instrumentation: "otel/opentelemetry.util.genai.handler".to_owned(),
        attributes: object(json!({
            "gen_ai.conversation.id": "session-4711", "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini", "gen_ai.request.temperature": 0.2, "gen_ai.request.max_tokens": 1024,
            "gen_ai.response.finish_reasons": ["stop"], "gen_ai.response.id": response_id,
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18", "gen_ai.usage.input_tokens": input_tokens,
            "gen_ai.usage.output_tokens": output_tokens, "openai.response.service_tier": "default",
            "server.address": "api.openai.com", "server.port": 443, "user.id": "user-42",
        })),
        resource: object(json!({
            "service.name": "concierge", "service.version": "1.4.2", "deployment.environment.name": "production",
            "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": "1.38.0",
        })),
    }
}

#[tokio::test]
async fn forty_turns_take_less_than_twice_their_text() {
    let server = RedisServer::start().await.unwrap();
    let store = connect(&server.config()).await;
    let mut random = Random::new(1);
    let (mut conversation, mut history) = (Conversation::default(), Vec::new());
    let mut token = 0;
    for turn in 0..TURNS {
        history.push(Message::text_of(
            Role::User,
            prose(&mut random, QUESTION_BYTES),
        ));
        let answer = Message::text_of(Role::Assistant, prose(&mut random, ANSWER_BYTES));
        let span = call(turn, &history, answer.clone(), &mut random);
        history.push(answer);
        let trace = span.key.trace;
        let prepared = prepare::span(span, START_NS / 1_000_000, &domain::usage::NoPrices);
        let entry = conversation.entry_for(&[prepared], &[], &Limits::default());
        conversation.apply(entry.clone());
        let summary = Summary {
            key: key("shop", "session-4711"),
            version: turn + 1,
            token,
            entries: turn + 1,
            windows: open_window(START_NS / 1_000_000),
            totals: conversation.view().totals,
            published_revision: 0,
        };
        token = written(store.commit(&summary, Some(&entry)).await);
        store
            .index(&[IndexUpdate {
                summary: Arc::new(summary),
                trace_ids_added: vec![trace],
            }])
            .await
            .unwrap();
    }

    let keys: Vec<String> = server.command(redis::cmd("KEYS").arg("*")).await.unwrap();
    let (mut all, mut log, mut summary) = (0, 0, 0);
    for key in keys {
        let mut command = redis::cmd("MEMORY");
        command.arg("USAGE").arg(&key).arg("SAMPLES").arg(0);
        let bytes: u64 = server.command(&command).await.unwrap();
        all += bytes;
        log += if key.ends_with(":log") { bytes } else { 0 };
        summary += if key.ends_with(":sum") { bytes } else { 0 };
    }
    println!("40 turns: {all} bytes in all, log {log}, summary {summary}");
    assert!(
        all < REDIS_BYTES_MAX,
        "{all} bytes in all, log {log}, summary {summary}"
    );
    assert_eq!(
        store
            .load(&key("shop", "session-4711"), 0)
            .await
            .unwrap()
            .unwrap()
            .entries
            .len(),
        TURNS as usize
    );
}
