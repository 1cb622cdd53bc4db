//! What holds for arbitrary attributes: nothing panics, every bound is kept, reading twice gives the same.

use crate::limits::Limits;
use crate::message::{Message, Part, Role};
use crate::normalise::draft::events;
use crate::normalise::tests::samples::{RECORD_MS, event, raw};
use crate::normalise::{Rules, log, span};
use crate::raw::{Attributes, RawLog, RawSpan, RawStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that mean something to some dialect, so that arbitrary values meet the code that reads them.
const NAMES: [&str; 58] = [
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
    "gen_ai.input.messages_delta",
    "gen_ai.input.messages_ref",
    "gen_ai.response.object",
    "ai.response",
    "ai.result.text",
    "llm.prompts.0.prompt.text",
    "output.audio.transcript",
    "request_data",
    "response_data",
    "mastra.span.type",
    "mastra.model_step.input",
    "haystack.component.output",
    "new_context",
    "input",
];

/// Words that such values are made of, so that they often come close to something meaningful.
const WORDS: [&str; 37] = [
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
    "[USER]\nhi\n\n---\n\n[TOOL RESULT: c]\n7",
    "{\"combined_chunk_content\":\"hi\",\"body\":{\"messages\":[]}}",
    "[{\"event.name\":\"gen_ai.choice\",\"message\":{\"content\":\"hi\"}}]",
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
        events::DETAILS,
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
        prop_assert!(first.content.input.iter().all(|message| message.role != Role::System));
        if let Some(tool) = &first.tool {
            prop_assert!(tool.name.len() <= limits.name_bytes_max);
        }
        if let Some(usage) = first.usage {
            prop_assert_eq!(usage.normalised(), usage);
        }
    }

    #[test]
    fn any_record_is_read_or_refused(attributes in attributes(), body in attribute(), name in proptest::sample::select(&["gen_ai.user.message", "gen_ai.choice", events::DETAILS, "x"][..])) {
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
