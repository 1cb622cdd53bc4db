//! Every export tells the same conversation, so every one must give the same transcript and counts.

use super::{Export, RECORD_MS, read};
use domain::conversation::Conversation;
use domain::facts::Link;
use domain::limits::Limits;
use domain::message::Role;
use domain::prepare::{self, Prepared};
use domain::span::Span;
use domain::usage::NoPrices;
use domain::view::View;
use serde_json::{Value, json};

const HELLO: &str = "Hello, I plan a trip to Paris next week.";
const WEATHER: &str = "What is the weather in Paris, in celsius?";
const THANKS: &str = "Thanks! My e-mail is jane.doe@example.com, please remember it.";
const FAIL: &str = "please fail";

/// All that was exported, as one conversation: where an SDK gives no id, the application would.
pub(crate) fn view(export: &Export) -> View {
    // What is neither of a model nor named only lies between.
    let (kept, others): (Vec<&Span>, Vec<&Span>) = export
        .spans
        .iter()
        .partition(|span| span.is_genai || span.conversation_id.is_some());
    let spans = kept
        .into_iter()
        .map(|span| prepare::span(span.clone(), RECORD_MS, &NoPrices));
    let links = others.into_iter().map(|span| Link {
        key: span.key,
        parent: span.parent,
        record_ms: RECORD_MS,
    });
    let links: Vec<Link> = links.collect();
    let logs = export
        .logs
        .iter()
        .map(|log| prepare::log(log.clone(), RECORD_MS));
    let facts: Vec<Prepared> = spans.chain(logs).collect();
    let mut conversation = Conversation::default();
    conversation.apply(conversation.entry_for(&facts, &links, &Limits::default()));
    conversation.view()
}

fn texts(view: &View, role: Role) -> Vec<String> {
    view.transcript
        .messages
        .iter()
        .filter(|message| message.role == role)
        .filter_map(|message| message.message.as_ref()?.text())
        .collect()
}

pub(crate) struct Expected {
    pub(crate) label: &'static str,
    llm_calls: u32,
    input_tokens: u64,
    output_tokens: u64,
}

/// Calls and the tokens that the SDK reports of them. The numbers differ a little: the SDKs send different requests.
pub(crate) const EXPECTED: [Expected; 21] = [
    told("a_otel_openai_v2_latest_event", 5, 609, 91),
    told("a_otel_openai_v2_latest_span", 5, 609, 91),
    told("a_otel_openai_v2_legacy", 5, 609, 91),
    // The script twice, by chat completions and by the Responses API: more calls, and nothing new is said.
    told("b_openinference_openai", 9, 1498, 182),
    told("c_traceloop_sdk", 5, 601, 91),
    told("c_traceloop_sdk_v0475", 5, 601, 91),
    told("d_agents_genai_chat", 5, 609, 91),
    told("d_agents_oi_chat", 5, 609, 91),
    told("d_agents_sentry_responses", 5, 708, 91),
    told("e_sentry_openai_stream", 5, 609, 91),
    told("e_sentry_openai_tx", 5, 609, 91),
    told("f_sentry_node_static", 5, 611, 84),
    told("f_sentry_node_stream", 5, 611, 84),
    told("f_vercel_ai6_proto", 5, 603, 89),
    told("f_vercel_ai7_json", 5, 515, 89),
    told("g_pydantic_ai_v5", 5, 608, 91),
    told("h_langchain_genai", 5, 645, 91),
    told("h_langchain_langsmith", 5, 645, 91),
    told("h_langchain_oi", 5, 645, 91),
    told("j_strands_latest", 5, 685, 91),
    told("k_adk", 5, 689, 104),
];

const fn told(
    label: &'static str,
    llm_calls: u32,
    input_tokens: u64,
    output_tokens: u64,
) -> Expected {
    Expected {
        label,
        llm_calls,
        input_tokens,
        output_tokens,
    }
}

#[test]
fn every_export_gives_its_calls_tokens_tool_and_error() {
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        let totals = view(&read(expected.label)).totals;
        let found = (
            totals.llm_calls,
            totals.usage.input_tokens,
            totals.usage.output_tokens,
            totals.tool_calls,
            totals.errors,
        );
        let wanted = (
            expected.llm_calls,
            expected.input_tokens,
            expected.output_tokens,
            1,
            1,
        );

        if found != wanted {
            wrong.push(format!(
                "{}: found (calls, in, out, tools, errors) {found:?}, wanted {wanted:?}",
                expected.label
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_export_tells_the_same_conversation() {
    let mut wrong = Vec::new();
    for Expected { label, .. } in EXPECTED {
        let view = view(&read(label));
        let wanted = [HELLO, WEATHER, THANKS, FAIL];
        let mut found = texts(&view, Role::User);
        let mut wanted_sorted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        found.sort();
        wanted_sorted.sort();
        if found != wanted_sorted {
            wrong.push(format!("{label}: the user says {found:#?}"));
        }
        let answers = texts(&view, Role::Assistant);
        for beginning in [
            "Answer number 1: you said",
            "In Paris it is rainy and 14",
            "Answer number 3",
        ] {
            let count = answers
                .iter()
                .filter(|answer| answer.starts_with(beginning))
                .count();
            if count != 1 {
                wrong.push(format!("{label}: {beginning:?} is said {count} times"));
            }
        }
        if let Some(problem) = tool_problem(&view) {
            wrong.push(format!("{label}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn tool_problem(view: &View) -> Option<String> {
    let tools: Vec<_> = view
        .transcript
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .collect();
    let Some(tool) = tools.first() else {
        return Some("no tool call".into());
    };
    let temperature = tool.result.as_ref().and_then(|result| result.get("temp"));
    let location = tool
        .arguments
        .as_ref()
        .and_then(|given| given.get("location"));
    let is_right = tool.name == "get_weather"
        && location == Some(&json!("Paris"))
        && temperature.and_then(Value::as_i64) == Some(14);
    (!is_right).then(|| format!("the tool call is {tool:?}"))
}

/// Forty turns, each with the whole history before it.
#[test]
fn a_growing_chat_carries_every_turn_before() {
    let export = read("i_growth_otel");
    assert_eq!(export.spans.len(), 40);
    for (turn, pair) in export.spans.windows(2).enumerate() {
        let (earlier, later) = (&pair[0].content, &pair[1].content);
        let said = 2 * turn + 1;
        assert_eq!(earlier.input.len(), said);
        assert_eq!(later.input[..said], earlier.input[..]);
        assert_eq!(later.input[said].identity(), earlier.output[0].identity());
    }
    let view = view(&export);
    assert_eq!(texts(&view, Role::User).len(), 40);
    assert_eq!(texts(&view, Role::Assistant).len(), 40);
}
