//! What conversations read like: one behaviour a test.

use crate::support::*;
use domain::span::{Operation, Span};
use serde_json::json;

pub(crate) fn check(spans: &[Span], expected: &str) {
    let expected: String = expected
        .trim()
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("        ").unwrap_or(line)))
        .collect();
    assert_eq!(text(&view(spans).transcript), expected);
}

#[test]
fn histories_fold_and_repeated_words_stay() {
    let (yes, done) = (user("yes"), assistant("Done."));
    check(
        &[
            chat(
                1,
                0,
                &[user("Book it?"), yes.clone()][1..],
                Some(done.clone()),
            ),
            chat(
                2,
                0,
                &[yes.clone(), done.clone(), yes.clone()],
                Some(done.clone()),
            ),
            chat(
                3,
                0,
                &[yes.clone(), done.clone(), yes.clone(), done.clone(), yes],
                Some(done),
            ),
        ],
        "user: yes
        assistant: Done.
        user: yes
        assistant: Done.
        user: yes
        assistant: Done.",
    );
}

#[test]
fn calls_that_carry_only_the_last_message_follow_each_other() {
    check(
        &[
            chat(1, 0, &[user("yes")], Some(assistant("ok"))),
            chat(2, 0, &[user("yes")], Some(assistant("ok"))),
            chat(3, 0, &[user("no")], Some(assistant("fine"))),
        ],
        "user: yes
        assistant: ok
        user: yes
        assistant: ok
        user: no
        assistant: fine",
    );
}

#[test]
fn a_tool_loop_shows_call_and_result_once() {
    let history = [
        user("Weather?"),
        calling(&["c1"]),
        result("c1", json!("rainy")),
    ];
    check(
        &[
            chat(1, 0, &history[..1], Some(history[1].clone())),
            tool_span(2, 0, "weather", Some("c1"), json!("rainy")),
            chat(3, 0, &history, Some(assistant("It rains."))),
        ],
        r#"user: Weather?
        assistant
          weather -> "rainy"
        assistant: It rains."#,
    );
}

#[test]
fn parallel_calls_find_their_results_by_id_and_pending_ones_show() {
    let history = [
        user("Weather?"),
        calling(&["c1", "c2", "c3"]),
        result("c2", json!("dry")),
        result("c1", json!("wet")),
    ];
    let view = view(&[
        chat(1, 0, &history[..1], Some(history[1].clone())),
        tool_span(2, 0, "weather", Some("c2"), json!("dry")),
        chat(4, 0, &history, Some(assistant("Mixed."))),
    ]);
    assert_eq!(
        text(&view.transcript),
        "user: Weather?\nassistant\n  weather -> \"wet\"\n  weather -> \"dry\"\n  weather? -> -\nassistant: Mixed.\n"
    );
    assert_eq!(view.totals.tool_calls, 2, "a pending call was not executed");
}

#[test]
fn runs_without_ids_find_their_calls_by_name() {
    let mut asked = calling(&["c1"]);
    if let domain::message::Part::ToolCall { id, .. } = &mut asked.parts[0] {
        *id = None;
    }
    check(
        &[
            chat(1, 0, &[user("Weather?")], Some(asked.clone())),
            tool_span(2, 0, "weather", None, json!("rainy")),
            chat(
                3,
                0,
                &[user("Weather?"), asked],
                Some(assistant("It rains.")),
            ),
        ],
        r#"user: Weather?
        assistant
          weather -> "rainy"
        assistant: It rains."#,
    );
}

#[test]
fn tool_spans_and_tool_messages_without_the_other_both_show() {
    check(
        &[
            chat(1, 0, &[user("Weather?")], Some(assistant("Let me see."))),
            tool_span(2, 0, "weather", None, json!("rainy")),
            chat(
                3,
                0,
                &[
                    user("Weather?"),
                    assistant("Let me see."),
                    result("zz", json!(7)),
                ],
                Some(assistant("Rain.")),
            ),
        ],
        r#"user: Weather?
        assistant: Let me see.
        tool (not captured)
          weather -> "rainy"
        tool
        assistant: Rain."#,
    );
}

#[test]
fn a_sub_agent_under_a_tool_reads_after_the_message_that_called_it() {
    let mut asked = calling(&["c1"]);
    if let domain::message::Part::ToolCall { name, .. } = &mut asked.parts[0] {
        *name = "research".into();
    }
    let spans = [
        chat(1, 9, &[user("Plan")], Some(asked.clone())),
        tool_span(2, 9, "research", Some("c1"), json!("found")),
        chat(3, 2, &[user("Find")], Some(assistant("found"))),
        chat(
            4,
            9,
            &[user("Plan"), asked, result("c1", json!("found"))],
            Some(assistant("Here.")),
        ),
        agent_span(9, 0, "planner"),
    ];
    check(
        &spans,
        r#"user: Plan
        assistant
          research -> "found"
            [c1] user: Find
            [c1] assistant: found
        assistant: Here."#,
    );
}

#[test]
fn a_call_on_the_side_is_a_thread_of_its_own() {
    check(
        &[
            chat(1, 0, &[user("Hi")], Some(assistant("Hello"))),
            chat(
                2,
                0,
                &[user("Make a title for: Hi")],
                Some(assistant("Greeting")),
            ),
            chat(
                3,
                0,
                &[user("Hi"), assistant("Hello"), user("Bye")],
                Some(assistant("Bye!")),
            ),
        ],
        "user: Hi
        assistant: Hello
            user: Make a title for: Hi
            assistant: Greeting
        user: Bye
        assistant: Bye!",
    );
}

#[test]
fn calls_without_content_still_show() {
    let bare = |number| Span {
        content: Default::default(),
        ..chat(number, 0, &[], None)
    };
    check(
        &[
            bare(1),
            tool_span(2, 0, "weather", Some("c1"), json!("x")),
            bare(3),
        ],
        r#"assistant (not captured)
          weather -> "x"
        assistant (not captured)"#,
    );
}

#[test]
fn wrappers_and_errors_that_pass_up_count_once() {
    let wrapper = chat(1, 9, &[user("Hi")], Some(assistant("Hello")));
    let mut inner = chat(2, 1, &[user("Hi")], Some(assistant("Hello")));
    inner.end_ns = wrapper.end_ns;
    let mut agent = agent_span(9, 0, "helper");
    agent.usage = wrapper.usage;
    let broken = failed(chat(
        5,
        9,
        &[user("Hi"), assistant("Hello"), user("Again")],
        None,
    ));
    agent.error = broken.error.clone();
    let totals = view(&[wrapper, inner, agent, broken]).totals;
    assert_eq!((totals.llm_calls, totals.errors), (2, 1));
    assert_eq!(totals.usage.input_tokens, 20);
    assert_eq!(totals.first_input.as_deref(), Some("Hi"));
    assert_eq!(totals.last_output.as_deref(), Some("Hello"));
}

#[test]
fn two_reports_of_one_call_are_one() {
    let mut one = chat(1, 0, &[user("Hi")], Some(assistant("Hello")));
    one.response_id = Some("r1".into());
    let mut two = one.clone();
    two.key.span = span_id(2);
    two.instrumentation = "other".into();
    two.content = Default::default();
    let view = view(&[one, two]);
    assert_eq!(text(&view.transcript), "user: Hi\nassistant: Hello\n");
    assert_eq!(view.totals.llm_calls, 1);
}

#[test]
fn an_agent_that_reports_alone_tells_the_story() {
    let mut agent = agent_span(1, 0, "helper");
    agent.content = chat(1, 0, &[user("Hi")], Some(assistant("Hello"))).content;
    check(&[agent], "user: Hi\n        assistant: Hello");
}

#[test]
fn a_word_of_ones_own_around_agents_is_no_call() {
    let mut around = chat(1, 0, &[user("Hi")], Some(assistant("Hello")));
    let agent = agent_span(2, 1, "helper");
    let call = chat(3, 2, &[user("Hi")], Some(assistant("Hello")));
    let calls = |around: &Span| {
        let view = view(&[around.clone(), agent.clone(), call.clone()]);
        view.totals.llm_calls
    };
    assert_eq!(calls(&around), 2, "a call that is known to be one");
    let name = "gen_ai.operation.name".to_owned();
    around.attributes.insert(name, "serve_request".into());
    assert_eq!(calls(&around), 1);
}

#[test]
fn a_question_in_a_span_of_its_own_is_put_to_the_next_call() {
    let asked = |number: u64, text: &str| {
        let mut span = span(number, 9, Operation::Other);
        span.content.input = vec![user(text)];
        span
    };
    let answer = |number: u64, text: &str| chat(number, 9, &[], Some(assistant(text)));
    let mut spans = vec![
        agent_span(9, 0, "helper"),
        asked(1, "Hi"),
        answer(2, "Hello"),
        asked(3, "One thing"),
        asked(4, "and another"),
        answer(5, "Well"),
        answer(6, "and more"),
    ];
    let expected = "user: Hi
        assistant: Hello
        user: One thing
        user: and another
        assistant: Well
        assistant: and more";
    check(&spans, expected);
    spans.reverse();
    check(&spans, expected);
    // One that was asked below another parent, or whose call tells its own history, is not.
    let mut elsewhere = asked(1, "Hi");
    elsewhere.parent = None;
    check(
        &[agent_span(9, 0, "helper"), elsewhere, answer(2, "Hello")],
        "assistant: Hello",
    );
    let told = chat(2, 9, &[user("Good day")], Some(assistant("Hello")));
    check(
        &[agent_span(9, 0, "helper"), asked(1, "Hi"), told],
        "user: Good day
        assistant: Hello",
    );
}

#[test]
fn only_genai_calls_make_messages() {
    check(
        &[
            span(1, 0, Operation::Embeddings),
            span(2, 0, Operation::Other),
        ],
        "",
    );
}
