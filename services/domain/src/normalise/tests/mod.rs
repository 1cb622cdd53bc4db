//! Bad input, and rules that hold whatever the dialect.

mod errors;
mod page;
mod properties;
mod readers;
mod records;
mod said_once;
pub(super) mod samples;
mod spellings;
mod tool_results;

use crate::ids::{CONVERSATION_ID_BYTES_MAX, SpanId};
use crate::limits::Limits;
use crate::message::Message;
use crate::normalise::tests::samples::{RECORD_MS, content, lines, map, raw, read};
use crate::normalise::{Rules, span};
use crate::raw::{Attributes, Origin, RawSpan};
use crate::span::Span;
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
    let thoughts = vec![json!({"type": "reasoning", "summary": "hm"}); 100_000];
    let calls: Vec<Value> = (0..100_000)
        .map(|n| json!({"type": "tool_call", "id": n.to_string(), "name": "f"}))
        .collect();
    let span = read(
        "",
        "x",
        json!({"sentry.op": "gen_ai.chat", "gen_ai.request.messages": thoughts, "gen_ai.response.text": calls, "gen_ai.response.tool_calls": calls}),
    );
    let parts = |message: &Message| message.parts.len();
    assert!(
        span.content
            .input
            .iter()
            .all(|message| parts(message) <= 4_000)
    );
    assert!(span.content.output.iter().map(parts).sum::<usize>() <= 120_000);
    let brackets = "[".repeat(1_000_000);
    let span = read(
        CHAT,
        "chat",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": brackets}),
    );
    assert_eq!(span.content.input.len(), 1);
}
