//! The rules, one by one. Spans come in the order given, each decided before the next comes, unless said otherwise.

use crate::chats::{Told as _, assistant, call, span, tool_call, tool_result, user};
use crate::world::{at_once, one_by_one};
use domain::message::{Message, Part};
use domain::span::{Operation, Span};
use std::collections::BTreeMap;

const ANSWER: &str = "Paris in spring is mild, seldom above twenty degrees, and it rains on every third day. Take a coat that \
                      keeps off the rain, shoes that you can walk in all day long, and a good book for the evenings.";

/// The numbers of the conversations, counted in the order of the spans; 0 for a span that was left out.
fn played(
    spans: &[Span],
    play: fn(&[Span]) -> BTreeMap<domain::ids::SpanKey, String>,
) -> Vec<usize> {
    let conversations = play(spans);
    let mut seen: Vec<String> = Vec::new();
    let mut numbers = Vec::new();
    for span in spans {
        let Some(id) = conversations.get(&span.key) else {
            numbers.push(0);
            continue;
        };
        let known = seen.iter().position(|known| known == id);
        numbers.push(known.map_or_else(
            || {
                seen.push(id.clone());
                seen.len()
            },
            |position| position + 1,
        ));
    }
    numbers
}

fn numbers(spans: &[Span]) -> Vec<usize> {
    played(spans, one_by_one)
}

fn hello(number: u64, at_s: i64) -> Span {
    call(number, at_s, &[user("hello")], Some(assistant("Hi!")))
}

fn then(number: u64, at_s: i64, text: &str, answer: &str) -> Span {
    let history = [user("hello"), assistant("Hi!"), user(text)];
    call(number, at_s, &history, Some(assistant(answer)))
}

#[test]
fn a_history_that_goes_on_from_an_answer_belongs_to_its_conversation() {
    let tool_turn = [
        user("hello"),
        assistant(" Hi! "),
        user("Lyon?"),
        tool_call("x", "Lyon"),
    ];
    let mut echoed = tool_turn.to_vec();
    echoed[3] = tool_call("renamed", "Lyon");
    echoed[1].parts.insert(
        0,
        Part::Reasoning {
            text: "hm".to_owned(),
        },
    );
    echoed.push(tool_result("renamed", "12C"));
    let spans = [
        hello(1, 0),
        call(2, 10, &tool_turn[..3], Some(tool_turn[3].clone())),
        call(3, 11, &echoed, Some(assistant("12 degrees"))),
    ];
    assert_eq!(numbers(&spans), [1, 1, 1]);
    let id = &one_by_one(&spans)[&spans[0].key];
    assert_eq!(
        *id,
        format!("inferred-{}-{}", spans[0].key.trace, spans[0].key.span)
    );
}

#[test]
fn tools_may_be_forgotten_afterwards() {
    let asked = [
        user("Lyon?"),
        tool_call("x", "Lyon"),
        tool_result("x", "12C"),
    ];
    let spoken = [user("Lyon?"), assistant("12 degrees"), user("Thanks!")];
    let spans = [
        call(1, 0, &asked[..1], Some(asked[1].clone())),
        call(2, 1, &asked, Some(assistant("12 degrees"))),
        call(3, 20, &spoken, Some(assistant("Welcome"))),
    ];
    assert_eq!(numbers(&spans), [1, 1, 1]);
}

#[test]
fn two_who_say_hello_are_two() {
    assert_eq!(numbers(&[hello(1, 0), hello(2, 60)]), [1, 2]);
    let spans = [
        hello(1, 0),
        hello(2, 20),
        then(3, 40, "a", "1"),
        then(4, 60, "b", "2"),
        then(5, 80, "a", "1"),
    ];
    // The fifth may be of either, so it is of neither.
    assert_eq!(numbers(&spans), [1, 2, 1, 2, 3]);
}

#[test]
fn user_and_instance_tell_who_goes_on() {
    let spans = [
        hello(1, 0).by("a"),
        hello(2, 20).by("b"),
        then(3, 40, "x", "1").by("b"),
        then(4, 60, "y", "2").by("a"),
        then(5, 80, "z", "3").by("c"),
        then(6, 90, "again", "4").by("b"),
    ];
    assert_eq!(numbers(&spans), [1, 2, 2, 1, 3, 2]);
    let spans = [
        hello(1, 0).on("one"),
        hello(2, 20).on("two"),
        then(3, 40, "x", "1").on("two"),
        then(4, 60, "y", "2").on("one"),
    ];
    assert_eq!(numbers(&spans), [1, 2, 2, 1]);
}

#[test]
fn a_turn_said_anew_is_a_branch_where_it_is_clear_whose() {
    let spans = [
        hello(1, 0),
        then(2, 20, "a", "1"),
        then(3, 40, "b", "2"),
        then(4, 60, "a", "3"),
    ];
    assert_eq!(numbers(&spans), [1, 1, 1, 1]);
    let elsewhere = [
        hello(1, 0).on("one"),
        then(2, 20, "a", "1").on("one"),
        then(3, 40, "b", "2").on("two"),
    ];
    assert_eq!(numbers(&elsewhere), [1, 1, 2]);
    // Going back on one machine, or another person served by it: with somebody else's beginning still open, neither.
    let open = [
        hello(1, 0).on("one"),
        hello(2, 10).on("two"),
        then(3, 20, "a", "1").on("one"),
        then(4, 40, "b", "2").on("one"),
    ];
    assert_eq!(numbers(&open), [1, 2, 1, 3]);
}

#[test]
fn users_never_mix_even_where_no_point_tells() {
    let second = [
        user("hello"),
        assistant("Hi!"),
        user("a"),
        assistant("1"),
        user("b"),
    ];
    let spans = [
        hello(1, 0),
        then(2, 20, "a", "1"),
        call(3, 40, &second, Some(assistant("2"))).by("a"),
        // Goes back to a point where no user was known yet.
        then(4, 60, "c", "3").by("b"),
    ];
    assert_eq!(numbers(&spans), [1, 1, 1, 2]);
}

#[test]
fn a_retry_belongs_to_what_failed() {
    let failed = |number, at_s| call(number, at_s, &[user("hello")], None);
    assert_eq!(
        numbers(&[failed(1, 0).by("a"), hello(2, 5).by("a")]),
        [1, 1]
    );
    assert_eq!(
        numbers(&[hello(2, 5).by("a"), failed(1, 0).by("a")]),
        [1, 1]
    );
    assert_eq!(
        numbers(&[failed(1, 0).by("a"), hello(2, 5).by("b")]),
        [1, 2]
    );
    assert_eq!(
        numbers(&[failed(1, 0).by("a"), hello(2, 3_000).by("a")]),
        [1, 2]
    );
    // Nothing says that it was the same person.
    assert_eq!(numbers(&[failed(1, 0), hello(2, 5)]), [1, 2]);
    let later = [user("hello"), assistant("Hi!"), user("a")];
    let spans = [
        hello(1, 0).on("one"),
        hello(2, 1).on("one"),
        call(3, 20, &later, None).on("one"),
        then(4, 22, "a", "1").on("one"),
    ];
    assert_eq!(numbers(&spans), [1, 2, 1, 1]);
}

#[test]
fn what_comes_late_joins_those_who_went_on_from_it() {
    let third = [
        user("hello"),
        assistant("Hi!"),
        user("a"),
        assistant("1"),
        user("b"),
    ];
    let third = call(3, 40, &third, Some(assistant("2")));
    assert_eq!(
        numbers(&[third.clone(), then(2, 20, "a", "1"), hello(1, 0)]),
        [1, 1, 1]
    );
    assert_eq!(
        numbers(&[then(2, 20, "a", "1"), hello(1, 0), third]),
        [1, 1, 1]
    );
    // Somebody who said the same after that had begun comes not before it.
    assert_eq!(numbers(&[then(2, 20, "a", "1"), hello(1, 100)]), [1, 2]);
    assert_eq!(
        numbers(&[then(2, 20, "a", "1").by("a"), hello(1, 0).by("b")]),
        [1, 2]
    );
}

#[test]
fn a_stored_response_is_gone_on_from_by_its_id() {
    let mut first = hello(1, 0);
    first.response_id = Some("resp_1".to_owned());
    let mut second = call(2, 20, &[user("and?")], Some(assistant("Well.")));
    second.previous_response_id = Some("resp_1".to_owned());
    second.response_id = Some("resp_2".to_owned());
    let mut third = call(3, 40, &[], Some(assistant("So.")));
    third.previous_response_id = Some("resp_2".to_owned());
    assert_eq!(
        numbers(&[first.clone(), second.clone(), third.clone()]),
        [1, 1, 1]
    );
    assert_eq!(numbers(&[third, second, first]), [1, 1, 1]);
}

#[test]
fn a_cut_history_goes_where_all_of_it_is_the_newest_part() {
    let long = [
        user("Where to in spring?"),
        assistant(ANSWER),
        user("And in autumn?"),
    ];
    let whole = |number, first: &str| {
        let history = [user(first), assistant("Sure.")]
            .into_iter()
            .chain(long[..1].to_vec());
        call(
            number,
            number as i64 * 10,
            &history.collect::<Vec<_>>(),
            Some(assistant(ANSWER)),
        )
    };
    let cut = call(9, 500, &long, Some(assistant("Rome.")));
    assert_eq!(numbers(&[whole(1, "hello"), cut.clone()]), [1, 1]);
    assert_eq!(
        numbers(&[whole(1, "hello"), whole(2, "hey"), cut]),
        [1, 2, 3]
    );
    let short = call(9, 500, &[assistant("Hi!"), user("a")], Some(assistant("1")));
    assert_eq!(numbers(&[hello(1, 0), short]), [1, 2]);
}

#[test]
fn what_stands_below_one_agent_is_one() {
    let mut root = span(1, Operation::InvokeAgent, 0).in_trace(1, None);
    root.end_ns += 60_000_000_000;
    let asks = call(2, 1, &[user("Lyon?")], Some(tool_call("x", "Lyon"))).in_trace(1, Some(1));
    let tool = span(3, Operation::ExecuteTool, 2).in_trace(1, Some(1));
    let aside = call(
        4,
        3,
        &[user("Sum up the weather.")],
        Some(assistant("Mild.")),
    )
    .in_trace(1, Some(3));
    let history = [
        user("Lyon?"),
        tool_call("x", "Lyon"),
        tool_result("x", "12C"),
    ];
    let answers = call(5, 4, &history, Some(assistant("12 degrees"))).in_trace(1, Some(1));
    let later = [&history[..], &[assistant("12 degrees"), user("Thanks!")]].concat();
    let later = call(6, 100, &later, Some(assistant("Welcome")));
    let spans = [asks, tool, aside, answers, root, later];
    assert_eq!(played(&spans, at_once), [1, 1, 1, 1, 1, 1]);
}

#[test]
fn a_tool_beside_its_call_follows_it_if_the_trace_has_one_conversation() {
    let asks = call(2, 1, &[user("Lyon?")], Some(tool_call("x", "Lyon"))).in_trace(1, None);
    let tool = span(3, Operation::ExecuteTool, 2).in_trace(1, None);
    let other = call(4, 3, &[user("Rome?")], Some(assistant("Warm."))).in_trace(1, None);
    assert_eq!(played(&[asks.clone(), tool.clone()], at_once), [1, 1]);
    assert_eq!(played(&[asks, tool, other], at_once), [1, 0, 2]);
}

#[test]
fn a_job_for_several_users_is_not_one_conversation() {
    let root = span(1, Operation::InvokeAgent, 0).in_trace(1, None);
    let of = |number, who: &str| hello(number, number as i64).in_trace(1, Some(1)).by(who);
    assert_eq!(played(&[of(2, "a"), of(3, "b"), root], at_once), [1, 2, 0]);
}

#[test]
fn without_content_there_is_no_telling() {
    let silent = |number| -> Span {
        let mut span = call(
            number,
            number as i64,
            &[],
            Some(Message::text_of(domain::message::Role::Assistant, "")),
        );
        span.content = Default::default();
        span
    };
    assert_eq!(numbers(&[silent(1), silent(2)]), [0, 0]);
}
