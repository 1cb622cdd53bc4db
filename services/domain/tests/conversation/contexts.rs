//! What models no longer saw, what was told twice, and what never came: one behaviour a test.

use crate::support::*;
use domain::ids::TraceId;
use domain::message::{Message, Role};
use domain::normalise::CUT_MARK;
use domain::span::{Operation, Span, SpanError};
use domain::usage::Usage;
use domain::view::{ToolStatus, Utterance, View};
use serde_json::json;
use std::sync::Arc;

fn turns(words: &[&str]) -> Vec<Message> {
    let message = |(index, word): (usize, &&str)| match index % 2 {
        0 => user(word),
        _ => assistant(word),
    };
    words.iter().enumerate().map(message).collect()
}

fn said<'a>(view: &'a View, text: &str) -> &'a Arc<Utterance> {
    let of = |message: &Utterance| message.message.as_ref().and_then(|message| message.text());
    let mut messages = view.transcript.messages.iter();
    messages
        .find(|message| of(message).as_deref() == Some(text))
        .expect("it was said")
}

#[test]
fn a_summary_stands_for_what_the_model_no_longer_saw() {
    let (before, kept) = (turns(&["a", "b", "c", "d"]), turns(&["c", "d"]));
    let compacted = [&[user("So far: a, b.")], kept.as_slice(), &[user("e")]].concat();
    let view = view(&[
        chat(1, 0, &before[..1], Some(before[1].clone())),
        chat(2, 0, &before[..3], Some(before[3].clone())),
        chat(3, 0, &compacted, Some(assistant("f"))),
    ]);
    assert_eq!(
        text(&view.transcript),
        "user: a\nassistant: b\nuser: c\nassistant: d\nuser: So far: a, b.\nuser: e\nassistant: f\n"
    );
    assert!(said(&view, "So far: a, b.").is_summary);
    let answer = said(&view, "f");
    assert_eq!(
        (answer.unseen, answer.context_start),
        (2, Some(said(&view, "c").id))
    );
    assert_eq!(said(&view, "d").unseen, 0);
}

#[test]
fn a_new_context_saw_nothing_of_the_one_before() {
    let view = view(&[
        chat(1, 0, &turns(&["a"]), Some(assistant("b"))),
        chat(2, 0, &turns(&["a", "b", "c"]), Some(assistant("d"))),
        chat(3, 0, &turns(&["x"]), Some(assistant("y"))),
    ]);
    assert_eq!(said(&view, "y").unseen, 4);
}

#[test]
fn nothing_is_said_of_contexts_that_the_api_or_the_sdk_keeps_to_itself() {
    let mut continued = chat(2, 0, &[user("c")], Some(assistant("d")));
    continued.previous_response_id = Some("r1".into());
    let mut first = chat(1, 0, &[user("a")], Some(assistant("b")));
    first.response_id = Some("r1".into());
    let mut cut = chat(3, 0, &[user("e")], Some(assistant("f")));
    cut.original_input_messages = Some(5);
    let view = view(&[first, continued, cut]);
    assert!(
        view.transcript
            .messages
            .iter()
            .all(|message| message.unseen == 0)
    );
}

#[test]
fn a_history_whose_end_was_cut_off_goes_on_after_what_is_known() {
    let whole = turns(&["a long question", "b", "c"]);
    let cut = user(&format!("a long que{CUT_MARK}"));
    let view = view(&[
        chat(1, 0, &whole[..1], Some(assistant("b"))),
        chat(2, 0, &whole, Some(assistant("d"))),
        chat(3, 0, &[cut], Some(assistant("f"))),
    ]);
    assert_eq!(
        text(&view.transcript),
        "user: a long question\nassistant: b\nuser: c\nassistant: d\nassistant: f\n"
    );
}

/// The same call or tool run as another tracing system tells of it.
fn twin(span: &Span) -> Span {
    let mut twin = span.clone();
    twin.key.trace = TraceId([2; 16]);
    twin.parent = None;
    twin.start_ns += 1_000;
    twin.end_ns -= 1_000;
    twin.instrumentation = "other".into();
    twin
}

#[test]
fn what_two_systems_tell_of_is_shown_and_counted_once() {
    let history = [user("w?"), calling(&["c1"]), result("c1", json!("rain"))];
    let first = [
        chat(1, 0, &history[..1], Some(history[1].clone())),
        tool_span(2, 0, "weather", Some("c1"), json!("rain")),
        chat(3, 0, &history, Some(assistant("It rains."))),
    ];
    let second: Vec<Span> = first.iter().map(twin).collect();
    let view = view(&[first.as_slice(), second.as_slice()].concat());
    assert_eq!(
        text(&view.transcript),
        "user: w?\nassistant\n  weather -> \"rain\"\nassistant: It rains.\n"
    );
    let totals = &view.totals;
    assert_eq!((totals.llm_calls, totals.tool_calls), (2, 1));
    assert_eq!(totals.usage.input_tokens, 20);
}

/// Neither a response's id nor tokens name a call that failed: Anthropic's client beside OpenLLMetry.
#[test]
fn a_failed_call_that_two_instrumentations_report_is_one() {
    for (kind, ends, is_one) in [
        ("rate_limit_error", -1, true),
        ("RateLimitError", 1, true),
        ("RateLimitException", 0, true),
        ("OverloadedError", -1, false),
    ] {
        let told = failed(chat(1, 0, &[user("Hi")], None));
        let kinds = |kind: &str| {
            Some(SpanError {
                kind: Some(kind.into()),
                ..SpanError::default()
            })
        };
        let clients = Span {
            key: chat(2, 0, &[], None).key,
            instrumentation: "com.anthropic.sdk.python".into(),
            content: Default::default(),
            usage: None,
            end_ns: told.end_ns + ends,
            error: kinds(kind),
            ..told.clone()
        };
        let told = Span {
            usage: None,
            error: kinds("RateLimitError"),
            ..told
        };
        let totals = view(&[told, clients]).totals;
        let wanted = if is_one { (1, 1) } else { (2, 2) };
        assert_eq!((totals.llm_calls, totals.errors), wanted, "{kind}");
    }
}

/// LiteLLM tells what was cached and thought only in a span of the raw response.
#[test]
fn the_raw_response_below_a_call_tells_of_which_parts_its_tokens_are() {
    let mut call = chat(1, 0, &[user("Hi")], Some(assistant("Yes")));
    let usage = |cached, output| {
        Some(Usage {
            input_tokens: 100,
            cached_input_tokens: cached,
            output_tokens: output,
            ..Usage::default()
        })
    };
    call.usage = usage(0, 20);
    for (output, cached) in [(20, 60), (21, 0)] {
        let raw = Span {
            key: chat(2, 0, &[], None).key,
            parent: Some(call.key.span),
            operation: Operation::Other,
            content: Default::default(),
            usage: usage(60, output),
            ..call.clone()
        };
        let totals = view(&[call.clone(), raw]).totals;
        assert_eq!((totals.llm_calls, totals.usage.input_tokens), (1, 100));
        assert_eq!(totals.usage.cached_input_tokens, cached);
    }
}

#[test]
fn the_same_call_made_twice_is_counted_twice() {
    let mut again = chat(2, 0, &[user("w?")], Some(assistant("rain")));
    again.instrumentation = "other".into();
    let view = view(&[chat(1, 0, &[user("w?")], Some(assistant("rain"))), again]);
    assert_eq!(
        view.totals.llm_calls, 2,
        "they did not run at the same time"
    );
}

#[test]
fn a_tool_call_is_pending_until_the_conversation_goes_on_without_it() {
    let asked = chat(1, 0, &[user("w?")], Some(calling(&["c1"])));
    let is_abandoned = |view: &View| view.transcript.messages[1].tool_calls[0].abandoned;
    assert!(!is_abandoned(&view(std::slice::from_ref(&asked))));
    let later = chat(
        2,
        0,
        &[user("w?"), calling(&["c1"]), user("never mind")],
        None,
    );
    assert!(is_abandoned(&view(&[asked, later])));
}

#[test]
fn parents_that_never_came_are_counted() {
    let spans = [
        chat(2, 1, &[user("a")], Some(assistant("b"))),
        tool_span(3, 1, "weather", None, json!(1)),
        chat(5, 4, &[user("c")], Some(assistant("d"))),
    ];
    assert_eq!(view(&spans).totals.missing_parents, 2);
    let whole = [
        spans.as_slice(),
        &[agent_span(1, 0, "a"), agent_span(4, 0, "a")],
    ]
    .concat();
    assert_eq!(view(&whole).totals.missing_parents, 0);
}

#[test]
fn system_prompts_that_differ_in_a_little_are_one_prompt() {
    let with_prompt = |number: u64, prompt: &str| {
        let mut call = chat(number, 0, &[user("a")], Some(assistant("b")));
        call.content.system = vec![Message::text_of(Role::System, prompt)];
        call
    };
    let long = "You help people who plan journeys, and you never invent a train. It is";
    let view = view(&[
        with_prompt(1, &format!("{long} 10:00.")),
        with_prompt(2, &format!("{long} 10:05.")),
        with_prompt(3, "Make up a title."),
    ]);
    let prompts = &view.transcript.system_prompts;
    let told: Vec<_> = prompts
        .iter()
        .map(|prompt| (prompt.calls, prompt.variants))
        .collect();
    assert_eq!(told, [(2, 2), (1, 1)]);
}

#[test]
fn a_tool_that_the_api_runs_itself_answers_within_the_message_that_calls_it() {
    let mut answer = calling(&["s1"]);
    answer.parts.extend(result("s1", json!("found")).parts);
    answer.parts.extend(assistant("Here it is.").parts);
    let view = view(&[chat(1, 0, &[user("search it")], Some(answer))]);
    let tool = &view.transcript.messages[1].tool_calls[0];
    assert_eq!(tool.result, Some(json!("found")));
    assert_eq!((tool.status, view.totals.tool_calls), (ToolStatus::Ok, 1));
}
