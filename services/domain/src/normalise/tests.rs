//! Bad input, and rules that hold whatever the dialect.

use super::samples::{RECORD_MS, content, event, lines, map, raw, read};
use super::{Rules, log, span};
use crate::ids::{CONVERSATION_ID_BYTES_MAX, SpanId};
use crate::limits::Limits;
use crate::message::{Message, Part};
use crate::raw::{Attributes, Origin, RawLog, RawSpan, RawStatus};
use crate::span::Span;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const CHAT: &str = "opentelemetry.instrumentation.genai.openai";

fn normalised(raw: RawSpan) -> Span {
    span(raw, RECORD_MS, &Rules::default())
}

#[test]
fn ten_thousand_attributes_leave_as_many_as_allowed_and_say_so() {
    let mut attributes = Attributes::new();
    for number in 0..10_000 {
        attributes.insert(format!("attribute.{number:05}"), json!(number));
    }
    attributes.insert("gen_ai.operation.name".into(), json!("chat"));
    attributes.insert("gen_ai.request.model".into(), json!("m"));
    let span = read(CHAT, "chat m", Value::Object(attributes));
    let limits = Limits::default();
    assert_eq!(span.attributes.len(), limits.attributes_max + 1);
    assert_eq!(
        span.attributes["colloquy.dropped_attributes_count"],
        json!(10_002 - limits.attributes_max)
    );
    assert_eq!(
        span.request_model.as_deref(),
        Some("m"),
        "known names are read before the cut"
    );
}

#[test]
fn conversation_ids_blank_huge_numeric_and_configured() {
    for (id, wanted) in [
        (json!("   "), None),
        (json!("null"), None),
        (json!("0000-0000"), None),
        (json!({"id": "x"}), None),
        (json!(42), Some("42")),
        (json!(" c "), Some("c")),
    ] {
        let span = read(
            CHAT,
            "chat",
            json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": id, "session.id": null}),
        );
        assert_eq!(span.conversation_id.as_deref(), wanted, "{id}");
    }
    let huge = read(
        CHAT,
        "chat",
        json!({"gen_ai.conversation.id": "x".repeat(1_000_000)}),
    );
    assert_eq!(
        huge.conversation_id.map(|id| id.len()),
        Some(CONVERSATION_ID_BYTES_MAX)
    );
    let blank_falls_through = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "", "session.id": "s"}),
    );
    assert_eq!(blank_falls_through.conversation_id.as_deref(), Some("s"));
    let rules = Rules {
        conversation_id_attributes: vec!["shop.chat".into()],
        ..Rules::default()
    };
    let configured = span(raw(CHAT, "x", json!({"shop.chat": "c"})), RECORD_MS, &rules);
    assert_eq!(
        configured.conversation_id.as_deref(),
        Some("c"),
        "on any span"
    );
    let mut on_resource = raw(CHAT, "x", json!({}));
    on_resource.origin = Arc::new(Origin {
        resource: map(json!({"shop.chat": "r"})),
        ..Origin::default()
    });
    assert_eq!(
        span(on_resource, RECORD_MS, &rules)
            .conversation_id
            .as_deref(),
        Some("r")
    );
}

#[test]
fn a_session_counts_on_genai_spans_only() {
    for name in [
        "session.id",
        "thread_id",
        "ai.telemetry.metadata.sessionId",
        "langsmith.metadata.thread_id",
    ] {
        let http = read(
            "http",
            "GET",
            json!({"http.request.method": "GET", name: "s"}),
        );
        assert_eq!(http.conversation_id, None, "{name}");
        let call = read(
            CHAT,
            "chat",
            json!({"gen_ai.operation.name": "chat", name: "s"}),
        );
        assert_eq!(call.conversation_id.as_deref(), Some("s"), "{name}");
    }
    for name in [
        "gen_ai.conversation.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "lmnr.association.properties.session_id",
    ] {
        let http = read(
            "http",
            "GET",
            json!({"http.request.method": "GET", name: "s"}),
        );
        assert_eq!(http.conversation_id.as_deref(), Some("s"), "{name}");
    }
    let never = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "thread.id": "140", "mcp.session.id": "m", "langsmith.trace.session_name": "project"}),
    );
    assert_eq!(never.conversation_id, None);
}

#[test]
fn clocks_and_parents_are_repaired() {
    let good = raw(CHAT, "x", json!({}));
    let zero = normalised(RawSpan {
        start_ns: 0,
        end_ns: 0,
        ..good.clone()
    });
    assert_eq!(
        (zero.start_ns, zero.end_ns),
        (RECORD_MS * 1_000_000, RECORD_MS * 1_000_000)
    );
    let backwards = normalised(RawSpan {
        end_ns: good.start_ns - 9,
        ..good.clone()
    });
    assert_eq!(backwards.end_ns, backwards.start_ns);
    let year_ns = 365 * 24 * 3_600_000_000_000;
    let ahead = normalised(RawSpan {
        start_ns: good.start_ns + year_ns,
        end_ns: good.end_ns + year_ns,
        ..good.clone()
    });
    assert_eq!((ahead.start_ns, ahead.end_ns), (good.start_ns, good.end_ns));
    assert_eq!(
        ahead.attributes["colloquy.original_start_time_unix_nano"],
        json!(good.start_ns + year_ns)
    );
    let own_parent = normalised(RawSpan {
        parent_span_id: Some(good.span_id),
        ..good.clone()
    });
    assert_eq!(own_parent.parent, None);
    let parent = normalised(RawSpan {
        parent_span_id: Some(SpanId([9; 8])),
        ..good
    });
    assert_eq!(parent.parent, Some(SpanId([9; 8])));
}

#[test]
fn projects_come_from_the_producer_then_the_resource() {
    for (project, resource, wanted) in [
        (Some("42"), json!({"service.name": "shop"}), "42"),
        (Some(" "), json!({"service.name": "shop"}), "shop"),
        (
            None,
            json!({"service.name": "shop", "service.namespace": "team"}),
            "team",
        ),
        (None, json!({"service.name": ""}), "default"),
        (None, json!({}), "default"),
    ] {
        let mut raw = raw(CHAT, "x", json!({}));
        raw.origin = Arc::new(Origin {
            project: project.map(str::to_owned),
            resource: map(resource),
            ..Origin::default()
        });
        assert_eq!(normalised(raw).project, wanted);
    }
}

#[test]
fn errors_have_one_spelling() {
    let limited = "Error code: 429 - limit";
    for (attributes, events, status, kind) in [
        (
            json!({"error.type": "openai.RateLimitError"}),
            vec![],
            limited,
            "RateLimitError",
        ),
        (
            json!({"error.type": "a.b.OpenAIRateLimitError"}),
            vec![],
            limited,
            "OpenAIRateLimitError",
        ),
        (json!({"error.type": "429"}), vec![], limited, "429"),
        (
            json!({}),
            vec![event(
                "exception",
                json!({"exception.type": "openai.RateLimitError", "exception.message": limited}),
            )],
            "",
            "RateLimitError",
        ),
        (
            json!({}),
            vec![event(
                "exception",
                json!({"exception.type": "Exception", "exception.message": "OpenAIRateLimitError('x')Traceback (most recent call last):\n ..."}),
            )],
            "",
            "OpenAIRateLimitError",
        ),
        (
            json!({"error.type": "_OTHER"}),
            vec![],
            "RateLimitError: limit",
            "RateLimitError",
        ),
        (json!({}), vec![], "RateLimitError: limit", "RateLimitError"),
        (
            json!({}),
            vec![],
            "Error in agent run: {'error': 1}",
            "_OTHER",
        ),
        (
            json!({"http.response.status_code": 503}),
            vec![],
            "upstream",
            "503",
        ),
        (json!({}), vec![], "", "_OTHER"),
    ] {
        let raw = RawSpan {
            status: RawStatus {
                is_error: true,
                message: status.into(),
            },
            events,
            ..raw(CHAT, "x", attributes.clone())
        };
        let error = normalised(raw).error.expect("an error");
        assert_eq!(error.kind.as_deref(), Some(kind), "{attributes} {status}");
        let message = error.message.unwrap_or_default();
        assert!(!message.contains("Traceback"), "{message}");
    }
    let recovered = RawSpan {
        events: vec![event("exception", json!({"exception.type": "Timeout"}))],
        ..raw(CHAT, "x", json!({}))
    };
    assert_eq!(
        normalised(recovered).error,
        None,
        "an exception alone is no failure"
    );
}

#[test]
fn content_of_nine_megabytes_is_cut_with_a_mark() {
    let huge = "é".repeat(4_500_000);
    let messages = json!([{"role": "user", "parts": [{"type": "text", "content": huge}]}]);
    let limits = Limits::default();
    for input in [messages.clone(), json!(messages.to_string())] {
        let span = read(
            CHAT,
            "chat",
            json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": input, "other": huge}),
        );
        let text = span.content.input[0].text().expect("text");
        assert!(text.len() < limits.part_bytes_max + 100);
        assert!(
            text.ends_with("[cut, 9000000 bytes in all]"),
            "{}",
            &text[text.len() - 60..]
        );
        let other = span.attributes["other"].as_str().expect("text");
        assert!(other.len() < limits.attribute_bytes_max + 100);
    }
    let tool = read(
        CHAT,
        "f",
        json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": {"rows": vec![huge; 1]}}),
    );
    let result = tool.tool.expect("a tool").result.expect("a result");
    assert!(result.as_str().is_some_and(|text| text.contains("[cut, ")));
}

#[test]
fn histories_keep_their_newest_messages() {
    let mut rules = Rules::default();
    rules.limits.history_messages_max = 3;
    let messages: Vec<Value> = (0..10)
        .map(|n| json!({"role": "user", "content": n.to_string()}))
        .collect();
    let raw = raw(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}),
    );
    let span = span(raw, RECORD_MS, &rules);
    assert_eq!(
        lines(&span.content.input),
        ["user: 7", "user: 8", "user: 9"]
    );
    assert_eq!(span.original_input_messages, Some(10));
}

#[test]
fn broken_content_is_shown_as_it_came() {
    for (broken, wanted) in [
        (
            "[{\"role\": \"user\", \"content\": \"Hi",
            vec!["user: hi… [cut by the sender]"],
        ),
        ("<<not json>>", vec!["user: <<not json>>"]),
        ("[Filtered]", vec!["user: [filtered]"]),
        ("{]", vec!["user: {]"]),
        ("", vec![]),
    ] {
        let span = read(
            CHAT,
            "chat",
            json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": broken}),
        );
        assert_eq!(content(&span), wanted);
        assert!(!span.attributes.contains_key("gen_ai.input.messages"));
    }
}

#[test]
fn messages_of_spans_that_are_no_call_are_only_taken_when_plain() {
    let workflow = read(
        CHAT,
        "x",
        json!({"gen_ai.operation.name": "invoke_workflow", "gen_ai.input.messages": "{\"order\": 7}"}),
    );
    assert!(workflow.content.is_empty());
    assert_eq!(
        workflow.attributes["gen_ai.input.messages"],
        json!("{\"order\": 7}")
    );
}

#[test]
fn no_thousand_of_anything_takes_long() {
    // Linear in the input: a hundred times more must not take a thousand times longer. No clock here, so sizes that
    // would not end if it were quadratic in the large.
    let parts: Vec<Value> = (0..100_000)
        .map(|n| json!({"type": "text", "text": n.to_string()}))
        .collect();
    let span = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": [{"role": "user", "content": parts}]}),
    );
    assert!(span.content.input[0].parts.len() <= 2_000);
    let messages: Vec<Value> = (0..200_000)
        .map(|n| json!({"role": "system", "content": n.to_string()}))
        .collect();
    let span = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": messages}),
    );
    assert!(span.content.system.len() <= 64);
    let mut flat = Attributes::new();
    for n in 0..50_000 {
        flat.insert(
            format!("llm.input_messages.{n}.message.content"),
            json!("x"),
        );
    }
    flat.insert("openinference.span.kind".into(), json!("LLM"));
    let span = read("openinference.x", "x", Value::Object(flat));
    assert_eq!(
        span.content.input.len(),
        Limits::default().history_messages_max
    );
    let brackets = "[".repeat(1_000_000);
    let span = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": brackets}),
    );
    assert_eq!(span.content.input.len(), 1);
}

/// Names that mean something to some dialect, so that arbitrary values meet the code that reads them.
const NAMES: [&str; 44] = [
    "gen_ai.operation.name",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.prompt.0.role",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.tool_calls.0.arguments",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cost",
    "gen_ai.response.finish_reasons",
    "gen_ai.tool.name",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.conversation.id",
    "gen_ai.request.messages",
    "gen_ai.response.text",
    "gen_ai.response.tool_calls",
    "session.id",
    "metadata",
    "_meta",
    "error.type",
    "exception.message",
    "sentry.op",
    "openinference.span.kind",
    "input.value",
    "output.value",
    "llm.input_messages.0.message.contents.0.message_content.type",
    "llm.input_messages.7.message.content",
    "ai.operationId",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.toolCalls",
    "langsmith.span.kind",
    "langsmith.metadata.usage_metadata",
    "traceloop.span.kind",
    "traceloop.entity.input",
    "pydantic_ai.all_messages",
    "final_result",
    "events",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
];

/// Words that such values are made of, so that they often come close to something meaningful.
const WORDS: [&str; 34] = [
    "chat",
    "execute_tool",
    "invoke_agent",
    "LLM",
    "TOOL",
    "AGENT",
    "CHAIN",
    "llm",
    "tool",
    "agent",
    "workflow",
    "gen_ai.chat",
    "ai.toolCall",
    "ai.generateText.doGenerate",
    "user",
    "assistant",
    "system",
    "None",
    "[Filtered]",
    "NaN",
    "",
    "[\"\"]",
    "[{\"role\":\"user\",\"content\":\"hi\"}]",
    "[{\"role\":\"us",
    "{'role': 'user', 'content': 'hi'}",
    "\"\\\"{\\\\\\\"a\\\\\\\":1}\\\"\"",
    "{\"messages\":[{\"type\":\"human\",\"content\":[{\"type\":\"text\"}]}]}",
    "{\"choices\":[{}]}",
    "{\"generations\":[[{}]]}",
    "{\"contents\":[{\"parts\":[{\"functionCall\":{}}]}]}",
    "-1",
    "1e999",
    "data:image/png;base64,AAAA",
    "ai",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| json!(float)),
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let keys = prop_oneof![
            proptest::sample::select(vec![
                "role",
                "content",
                "parts",
                "type",
                "text",
                "id",
                "name",
                "arguments",
                "tool_calls",
                "function",
                "messages",
                "message",
                "output",
                "input",
                "result",
                "data",
                "kwargs",
                "lc",
                "value",
                "response",
                "summary",
                "len",
            ])
            .prop_map(str::to_owned),
            "\\PC{0,8}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((keys, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// As it is, or as the JSON text that most SDKs make of it, perhaps cut.
fn attribute() -> impl Strategy<Value = Value> {
    (value(), 0..4u8, any::<prop::sample::Index>()).prop_map(|(value, how, cut)| match how {
        0 | 1 => value,
        2 => Value::String(value.to_string()),
        _ => {
            let text = value.to_string();
            let end = cut.index(text.len() + 1);
            Value::String(crate::text::prefix(&text, end).to_owned())
        }
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let name = prop_oneof![
        4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => "[a-z.#0-9]{0,20}",
    ];
    proptest::collection::vec((name, attribute()), 0..12)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn scope() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "",
        "ai",
        "gen_ai",
        "langsmith",
        "pydantic-ai",
        "strands.telemetry.tracer",
        "gcp.vertex.agent",
        "openinference.instrumentation.openai",
        "traceloop.tracer",
        "mlflow",
        "livekit-agents",
        "app",
    ])
}

fn span_of_anything() -> impl Strategy<Value = RawSpan> {
    let event_name = proptest::sample::select(vec![
        "gen_ai.user.message",
        "gen_ai.tool.message",
        "gen_ai.choice",
        "exception",
        "other",
        super::events::DETAILS,
        "gen_ai.content.prompt",
    ]);
    let events = proptest::collection::vec((event_name, attributes()), 0..4);
    (
        scope(),
        "\\PC{0,12}",
        attributes(),
        events,
        any::<(i64, i64, u32, bool)>(),
    )
        .prop_map(
            |(
                scope,
                name,
                attributes,
                events,
                (start_ns, end_ns, dropped_attributes, is_error),
            )| RawSpan {
                start_ns,
                end_ns,
                dropped_attributes,
                status: RawStatus {
                    is_error,
                    message: name.clone(),
                },
                events: events
                    .into_iter()
                    .map(|(name, attributes)| event(name, Value::Object(attributes)))
                    .collect(),
                ..raw(scope, &name, Value::Object(attributes))
            },
        )
}

fn tight() -> Rules {
    Rules {
        limits: Limits {
            part_bytes_max: 20,
            attribute_bytes_max: 16,
            attributes_max: 4,
            history_messages_max: 2,
            name_bytes_max: 8,
            ..Limits::default()
        },
        ..Rules::default()
    }
}

fn assert_bounded(value: &Value, bytes_max: usize) {
    /// What a mark adds, and how much JSON's punctuation may exceed the estimate.
    const SLACK_BYTES: usize = 80;
    let bytes = match value {
        Value::String(text) => text.len(),
        other => other.to_string().len() / 4,
    };
    assert!(bytes <= bytes_max + SLACK_BYTES, "{value}");
}

fn assert_within(messages: &[Message], limits: &Limits) {
    assert!(messages.len() <= limits.history_messages_max.max(64));
    for part in messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text { text } | Part::Reasoning { text } => {
                assert_bounded(&json!(text), limits.part_bytes_max);
            }
            Part::ToolCall {
                name, arguments, ..
            } => {
                assert!(name.len() <= limits.name_bytes_max);
                assert_bounded(arguments, limits.part_bytes_max);
            }
            Part::ToolResult { result, .. } => assert_bounded(result, limits.part_bytes_max),
            Part::Other { json } => assert_bounded(json, limits.part_bytes_max),
            Part::Media { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn anything_is_read_within_the_limits_and_always_alike(raw in span_of_anything()) {
        let rules = tight();
        let first = span(raw.clone(), RECORD_MS, &rules);
        prop_assert_eq!(&first, &span(raw, RECORD_MS, &rules));
        let limits = &rules.limits;
        prop_assert!(first.start_ns > 0 && first.end_ns >= first.start_ns);
        prop_assert!(first.attributes.len() <= limits.attributes_max + 1);
        for value in first.attributes.values() {
            assert_bounded(value, limits.attribute_bytes_max);
        }
        for name in [&first.agent, &first.request_model, &first.provider, &first.finish_reason, &first.user.id].into_iter().flatten() {
            prop_assert!(name.len() <= limits.name_bytes_max);
        }
        assert_within(&first.content.system, limits);
        assert_within(&first.content.input, limits);
        assert_within(&first.content.output, limits);
        prop_assert!(first.content.input.iter().all(|message| message.role != crate::message::Role::System));
        if let Some(tool) = &first.tool {
            prop_assert!(tool.name.len() <= limits.name_bytes_max);
        }
        if let Some(usage) = first.usage {
            prop_assert_eq!(usage.normalised(), usage);
        }
    }

    #[test]
    fn any_record_is_read_or_refused(attributes in attributes(), body in attribute(), name in proptest::sample::select(&["gen_ai.user.message", "gen_ai.choice", super::events::DETAILS, "x"][..])) {
        let origin = raw("", "", json!({}));
        let record = RawLog {
            trace_id: origin.trace_id,
            span_id: origin.span_id,
            event_name: name.into(),
            time_ns: 0,
            index: 0,
            attributes,
            body,
            origin: origin.origin,
        };
        let rules = tight();
        if let Some(log) = log(record, RECORD_MS, &rules) {
            prop_assert!(!log.content.is_empty());
            assert_within(&log.content.input, &rules.limits);
        }
    }
}
