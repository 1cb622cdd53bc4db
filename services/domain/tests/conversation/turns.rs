//! What is counted once, and in which turn.

use crate::support::*;
use crate::tool_results::{checked, with_error};
use domain::span::Span;
use serde_json::json;

#[test]
fn one_call_exported_twice_is_one() {
    let twice = |span: &Span, number: u64| Span {
        key: domain::ids::SpanKey {
            span: span_id(number),
            ..span.key
        },
        ..span.clone()
    };
    for response_id in [Some("r1".to_owned()), None] {
        let mut asked = chat(1, 0, &[user("Weather?")], Some(calling(&["c1"])));
        asked.response_id = response_id;
        let ran = tool_span(2, 0, "weather", Some("c1"), json!(4));
        let spans = [
            asked.clone(),
            twice(&asked, 11),
            ran.clone(),
            twice(&ran, 12),
        ];
        checked(
            &spans,
            "user: Weather?
            assistant
              weather -> 4",
            (1, 0),
        );
        let totals = view(&spans).totals;
        assert_eq!((totals.llm_calls, totals.usage.input_tokens), (1, 10));
    }
    // Another exporter rounds the times; another response is another call.
    let mut asked = chat(1, 0, &[user("Weather?")], Some(calling(&["c1"])));
    asked.response_id = Some("r1".into());
    let mut rounded = twice(&asked, 11);
    rounded.start_ns += 300;
    assert_eq!(view(&[asked.clone(), rounded.clone()]).totals.llm_calls, 1);
    rounded.response_id = Some("r2".into());
    assert_eq!(view(&[asked, rounded]).totals.llm_calls, 2);
}

#[test]
fn turns_begin_with_a_message_of_the_user() {
    let history = [
        user("Context."),
        user("Weather?"),
        calling(&["c1"]),
        result("c1", json!(4)),
        assistant("Four."),
        user("Thanks"),
    ];
    let spans = [
        chat(1, 0, &history[..2], Some(calling(&["c1"]))),
        with_error(tool_span(2, 0, "weather", Some("c1"), json!(4)), "Timeout"),
        chat(3, 0, &history[..4], Some(assistant("Four."))),
        failed(chat(5, 0, &history, None)),
    ];
    let view = view(&spans);
    let messages = &view.transcript.messages;
    let turns = view.transcript.turns.iter().map(|turn| {
        let at = messages
            .iter()
            .position(|message| message.id == turn.first_message);
        (
            turn.number,
            at,
            turn.llm_calls,
            turn.tool_calls,
            turn.errors,
            turn.usage.input_tokens,
        )
    });
    assert_eq!(
        turns.collect::<Vec<_>>(),
        [(1, Some(0), 2, 1, 1, 20), (2, Some(4), 1, 0, 1, 10)]
    );
    assert_eq!(view.transcript.turns[0].started_ns, spans[0].start_ns);
    assert_eq!(
        view.transcript.turns[0].duration_ns,
        Some(spans[2].end_ns - spans[0].start_ns)
    );
}
