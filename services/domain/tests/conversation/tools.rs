//! No run of a tool and no result is lost or shown twice, whatever answer asked for it.

use crate::support::*;
use crate::transcript::check;
use serde_json::json;

#[test]
fn tools_of_an_answer_made_again_show_with_it_each_time_they_ran() {
    let asked = |number, id: &str| chat(number, 0, &[user("Weather?")], Some(calling(&[id])));
    let told = |number, id: &str| {
        let history = [user("Weather?"), calling(&[id]), result(id, json!(number))];
        chat(number, 0, &history, Some(assistant("One.")))
    };
    let spans = [
        asked(1, "c1"),
        tool_span(2, 0, "weather", Some("c1"), json!(3)),
        told(3, "c1"),
        asked(4, "c2"),
        tool_span(5, 0, "weather", Some("c2"), json!(6)),
        told(6, "c2"),
    ];
    check(
        &spans,
        "user: Weather?
        assistant
          weather -> 3
          weather -> 6
        assistant: One.",
    );
    assert_eq!(view(&spans).totals.tool_calls, 2);
}

#[test]
fn uses_have_ids_of_their_own_where_calls_are_counted_anew_in_each_answer() {
    let asked = |number, words: &str| chat(number, 0, &[user(words)], Some(calling(&["call_0"])));
    let mut elsewhere = asked(4, "Weather?");
    elsewhere.key.trace = domain::ids::TraceId([9; 16]);
    let spans = [
        asked(1, "Weather?"),
        tool_span(2, 0, "weather", Some("call_0"), json!(3)),
        asked(3, "And now?"),
        elsewhere,
        tool_span(5, 0, "news", None, json!(1)),
    ];
    let view = view(&spans);
    let uses = view.transcript.messages.iter().flat_map(|m| &m.tool_calls);
    let ids: std::collections::BTreeSet<&str> = uses.clone().map(|tool| tool.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
    let producers: Vec<_> = uses.filter_map(|tool| tool.call_id.as_deref()).collect();
    assert_eq!(producers, ["call_0"; 3]);
}

#[test]
fn a_tool_whose_clock_is_behind_the_call_that_asked_for_it_shows() {
    let spans = [
        chat(2, 0, &[user("Weather?")], Some(calling(&["c1"]))),
        tool_span(1, 0, "weather", Some("c1"), json!(3)),
    ];
    check(
        &spans,
        "user: Weather?
        assistant
          weather -> 3",
    );
    assert_eq!(view(&spans).totals.tool_calls, 1);
}

#[test]
fn a_tool_message_of_two_results_that_nobody_asked_for_shows_once() {
    let mut results = result("x1", json!("sun"));
    results.parts.extend(result("x2", json!("rain")).parts);
    let view = view(&[chat(
        1,
        0,
        &[user("Weather?"), results],
        Some(assistant("So so.")),
    )]);
    let mut ids: Vec<_> = view
        .transcript
        .messages
        .iter()
        .map(|message| message.id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), view.transcript.messages.len());
    assert_eq!(view.totals.tool_calls, 2);
}
