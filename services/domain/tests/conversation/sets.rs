//! Whatever a set of spans, log records and links holds (several dialects, echoes, differing reports of one span), the
//! order in which they come, how they are batched and how often they come do not show in one byte.

use crate::properties::spans_of;
use crate::support::{SECOND_NS, text, view};
use domain::conversation::Conversation;
use domain::facts::{Entry, Link};
use domain::ids::{SpanId, SpanKey};
use domain::limits::Limits;
use domain::message::{Message, Part, Role};
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::raw::{Attributes, Origin, RawLog, RawSpan, RawStatus};
use domain::span::{Operation, Span};
use domain::usage::NoPrices;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Shortly after the spans were made.
const RECORD_MS: i64 = 1_795_500_000_000;
/// What the times of [`crate::support::span`] begin at, as of today.
const BASE_NS: i64 = RECORD_MS * 1_000_000 - 100_000 * SECOND_NS;

#[derive(Clone, Debug)]
pub(crate) enum Item {
    Fact(Box<Prepared>),
    Link(Link),
}

/// Tells each span in the dialect that its style chooses.
pub(crate) fn told(spans: &[Span], styles: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let style = styles[index % styles.len()];
        tell(span, style, &mut items);
    }
    items
}

fn tell(span: &Span, style: u8, items: &mut Vec<Item>) {
    let mut attributes = json!({"gen_ai.conversation.id": "c", "gen_ai.request.model": "m"});
    let mut logs = Vec::new();
    match span.operation {
        Operation::ExecuteTool => tell_tool(span, style, &mut attributes),
        Operation::InvokeAgent => {
            attributes["gen_ai.operation.name"] = json!("invoke_agent");
            attributes["gen_ai.agent.name"] = json!(span.agent);
        }
        _ => {
            attributes["gen_ai.usage.input_tokens"] = json!(10);
            attributes["gen_ai.usage.output_tokens"] = json!(1.0);
            logs = tell_call(span, style, &mut attributes);
        }
    }
    let mut raw = raw_span(span, attributes);
    if style & 0x40 != 0 {
        put_between(&mut raw, style, items);
    }
    push(items, raw.clone());
    items.extend(logs);
    if style & 0x80 != 0 {
        push(items, reported_otherwise(raw, style));
    }
}

fn push(items: &mut Vec<Item>, raw: RawSpan) {
    let span = normalise::span(raw, RECORD_MS, &Rules::default());
    items.push(Item::Fact(Box::new(prepare::span(
        span, RECORD_MS, &NoPrices,
    ))));
}

fn raw_span(span: &Span, attributes: Value) -> RawSpan {
    RawSpan {
        trace_id: span.key.trace,
        span_id: span.key.span,
        parent_span_id: span.parent,
        name: span.name.clone(),
        start_ns: BASE_NS + span.start_ns,
        end_ns: BASE_NS + span.end_ns,
        status: RawStatus {
            is_error: span.error.is_some(),
            message: String::new(),
        },
        attributes: attributes_of(attributes),
        events: Vec::new(),
        dropped_attributes: 0,
        origin: Arc::new(Origin::default()),
    }
}

fn attributes_of(value: Value) -> Attributes {
    value.as_object().cloned().unwrap_or_default()
}

/// A span of another kind between this one and its parent, told of once or twice, the second time with another parent.
fn put_between(raw: &mut RawSpan, style: u8, items: &mut Vec<Item>) {
    let mut id = raw.span_id.0;
    id[0] = 0xee;
    let key = SpanKey {
        trace: raw.trace_id,
        span: SpanId(id),
    };
    let parent = raw.parent_span_id.replace(key.span);
    items.push(Item::Link(Link {
        key,
        parent,
        record_ms: RECORD_MS,
    }));
    if style & 1 != 0 {
        let parent = Some(SpanId([1; 8]));
        items.push(Item::Link(Link {
            key,
            parent,
            record_ms: RECORD_MS,
        }));
    }
}

/// The same span by another exporter: before it ended, with less of its content, or with a number in another spelling.
fn reported_otherwise(mut raw: RawSpan, style: u8) -> RawSpan {
    match style % 4 {
        0 => {
            raw.end_ns = 0;
            raw.attributes
                .retain(|name, _| !name.contains("output") && !name.contains("response"));
        }
        1 => raw.attributes.retain(|name, _| !name.contains("messages")),
        2 => drop(
            raw.attributes
                .insert("gen_ai.usage.output_tokens".into(), json!(1)),
        ),
        _ => drop(raw.attributes.insert("host".into(), json!({"cpu": 1.5}))),
    }
    raw
}

fn tell_tool(span: &Span, style: u8, attributes: &mut Value) {
    let tool = span.tool.as_ref().expect("a tool");
    attributes["gen_ai.operation.name"] = json!("execute_tool");
    attributes["gen_ai.tool.name"] = json!(tool.name);
    attributes["gen_ai.tool.call.id"] = json!(tool.call_id);
    attributes["gen_ai.tool.call.arguments"] = json!(tool.arguments);
    let result = json!(tool.result);
    attributes["gen_ai.tool.call.result"] = match style % 3 {
        0 => result,
        1 => json!(result.to_string()),
        _ => json!(json!({"result": result}).to_string()),
    };
}

/// Writes what a call heard and said among its attributes or into log records.
fn tell_call(span: &Span, style: u8, attributes: &mut Value) -> Vec<Item> {
    let input = &span.content.input;
    let output = &span.content.output;
    let chat = |messages: &[Message], as_echo: bool| -> Vec<Value> {
        messages
            .iter()
            .map(|message| openai(message, style, as_echo))
            .collect()
    };
    let otel = |messages: &[Message]| -> Vec<Value> { messages.iter().map(parts).collect() };
    match style % 5 {
        0 => {
            attributes["gen_ai.operation.name"] = json!("chat");
            attributes["gen_ai.input.messages"] = json!(json!(otel(input)).to_string());
            attributes["gen_ai.output.messages"] = json!(otel(output));
        }
        1 => {
            attributes["sentry.op"] = json!("gen_ai.chat");
            attributes["gen_ai.request.messages"] = json!(json!(chat(input, true)).to_string());
            for message in output {
                attributes["gen_ai.response.text"] = json!([message.text().unwrap_or_default()]);
                let calls = openai(message, style, false)["tool_calls"].take();
                attributes["gen_ai.response.tool_calls"] = json!(calls.to_string());
            }
        }
        2 => {
            attributes["llm.request.type"] = json!("chat");
            flatten(attributes, "gen_ai.prompt", &json!(chat(input, true)));
            flatten(attributes, "gen_ai.completion", &json!(chat(output, false)));
        }
        3 => {
            attributes["gen_ai.operation.name"] = json!("chat");
            let details = json!({"gen_ai.input.messages": otel(input), "gen_ai.output.messages": otel(output)});
            return log(
                span,
                0,
                "gen_ai.client.inference.operation.details",
                details,
            )
            .collect();
        }
        _ => {
            attributes["gen_ai.operation.name"] = json!("chat");
            let heard = chat(input, true).into_iter().zip(input);
            let heard = heard.map(|(body, message)| (event_name(message.role), body));
            let said = chat(output, false).into_iter();
            let said = said.map(|message| {
                (
                    "gen_ai.choice",
                    json!({"finish_reason": "stop", "message": message}),
                )
            });
            let records = heard.chain(said).enumerate();
            return records
                .flat_map(|(index, (name, body))| log(span, index as u32, name, body))
                .collect();
        }
    }
    Vec::new()
}

fn event_name(role: Role) -> &'static str {
    match role {
        Role::System => "gen_ai.system.message",
        Role::User => "gen_ai.user.message",
        Role::Assistant => "gen_ai.assistant.message",
        Role::Tool => "gen_ai.tool.message",
        Role::Other => panic!("no event is named so"),
    }
}

fn log(span: &Span, index: u32, name: &str, body: Value) -> impl Iterator<Item = Item> {
    let raw = RawLog {
        trace_id: span.key.trace,
        span_id: span.key.span,
        event_name: name.into(),
        // The instant of all is one: their index alone tells their order.
        time_ns: BASE_NS + span.end_ns,
        index,
        attributes: Attributes::new(),
        body,
        origin: Arc::new(Origin::default()),
    };
    let log = normalise::log(raw, RECORD_MS, &Rules::default());
    log.map(|log| Item::Fact(Box::new(prepare::log(log, RECORD_MS))))
        .into_iter()
}

/// A message in the form of OpenTelemetry.
fn parts(message: &Message) -> Value {
    let parts: Vec<Value> = message
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolCall {
                id,
                name,
                arguments,
            } => json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments}),
            Part::ToolResult { id, result, .. } => {
                json!({"type": "tool_call_response", "id": id, "response": result})
            }
            Part::Text { text } => json!({"type": "text", "content": text}),
            other => panic!("not in these stories: {other:?}"),
        })
        .collect();
    json!({"role": message.role, "parts": parts})
}

/// A message in the form of chat completions, changed as SDKs change what they send again.
fn openai(message: &Message, style: u8, as_echo: bool) -> Value {
    if let Some((id, _, result)) = message.tool_results().next() {
        return json!({"role": "tool", "tool_call_id": id, "content": result.to_string()});
    }
    let mut written = json!({"role": message.role, "content": message.text()});
    let calls: Vec<Value> = message
        .tool_calls()
        .map(|(id, name, arguments)| {
            let arguments = if as_echo { arguments.clone() } else { json!(arguments.to_string()) };
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    if !calls.is_empty() {
        written["content"] =
            [json!("None"), json!(null), json!([""])][usize::from(style) % 3].clone();
        written["tool_calls"] = json!(calls);
    } else if as_echo && message.role == Role::Assistant {
        written["content"] =
            json!([{"type": "text", "text": message.text().map(|text| text + "\n")}]);
    } else if message.role == Role::Assistant {
        written["reasoning_content"] = json!("Hm.");
    }
    written
}

fn flatten(attributes: &mut Value, prefix: &str, value: &Value) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(attributes, &format!("{prefix}.{index}"), item);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                flatten(attributes, &format!("{prefix}.{key}"), item);
            }
        }
        Value::Null => {}
        plain => attributes[prefix] = plain.clone(),
    }
}

pub(crate) fn entry(conversation: &Conversation, items: &[&Item]) -> Entry {
    let mut facts = Vec::new();
    let mut links = Vec::new();
    for item in items {
        match item {
            Item::Fact(fact) => facts.push((**fact).clone()),
            Item::Link(link) => links.push(*link),
        }
    }
    conversation.entry_for(&facts, &links, &Limits::default())
}

/// The view's bytes, computed as the items come, and from the entries that were stored on the way.
fn delivered(items: &[Item], order: &[usize], batch: usize) -> [String; 2] {
    let mut conversation = Conversation::default();
    let mut rebuilt = Conversation::default();
    for indexes in order.chunks(batch) {
        let batch: Vec<&Item> = indexes
            .iter()
            .map(|index| &items[index % items.len()])
            .collect();
        let entry = entry(&conversation, &batch);
        let stored = serde_json::to_string(&entry).expect("entries serialise");
        rebuilt.apply(serde_json::from_str(&stored).expect("entries deserialise"));
        conversation.apply(entry);
    }
    [bytes(&conversation), bytes(&rebuilt)]
}

pub(crate) fn bytes(conversation: &Conversation) -> String {
    let view = conversation.view();
    let transcript = serde_json::to_string_pretty(&view.transcript).expect("transcripts serialise");
    transcript + &serde_json::to_string_pretty(&view.totals).expect("totals serialise")
}

/// Every dialect above tells what the spans hold, so that the property below is about something.
#[test]
fn every_style_tells_the_same_story() {
    let spans = spans_of(&[0, 3, 5, 3, 2, 4, 0]);
    let plain = text(&view(&spans).transcript);
    for style in 0..30 {
        let items = told(&spans, &[style]);
        let mut conversation = Conversation::default();
        conversation.apply(entry(&conversation, &items.iter().collect::<Vec<_>>()));
        let told = text(&conversation.view().transcript);
        // Only the names of failures are not told here.
        assert_eq!(
            told,
            plain.replace("RateLimitError", "_OTHER"),
            "style {style}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_order_batching_or_repetition_shows_in_a_byte(
        moves in prop::collection::vec(any::<u8>(), 1..12),
        styles in prop::collection::vec(any::<u8>(), 1..12),
        keys in prop::collection::vec(any::<u32>(), 150),
        batch in 1usize..9,
    ) {
        let items = told(&spans_of(&moves), &styles);
        prop_assume!(!items.is_empty());
        let in_order: Vec<usize> = (0..items.len()).collect();
        let [once, stored] = delivered(&items, &in_order, 1);
        prop_assert_eq!(&once, &stored, "rebuilt from the store");
        // Each once, some twice, shuffled by the random keys.
        let mut shuffled: Vec<usize> = (0..items.len() + items.len() / 2).collect();
        shuffled.sort_by_key(|index| keys[index % keys.len()]);
        for told in delivered(&items, &shuffled, batch) {
            prop_assert_eq!(&once, &told, "in another order");
        }
        let backwards: Vec<usize> = in_order.into_iter().rev().collect();
        let [all_at_once, _] = delivered(&items, &backwards, items.len());
        prop_assert_eq!(&once, &all_at_once, "backwards and at once");
    }
}
