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
fn a_regenerated_answer_supersedes_the_one_before() {
    let (question, first, second) = (user("Name?"), assistant("Ann"), assistant("Bo"));
    check(
        &[
            chat(1, 0, std::slice::from_ref(&question), Some(first)),
            chat(2, 0, std::slice::from_ref(&question), Some(second.clone())),
            chat(
                3,
                0,
                &[question, second, user("Thanks")],
                Some(assistant("Sure")),
            ),
        ],
        "user: Name?
        ~assistant: Ann
        assistant: Bo
        user: Thanks
        assistant: Sure",
    );
}

#[test]
fn an_edited_turn_supersedes_what_followed_it() {
    let start = [user("Hi"), assistant("Hello")];
    let turn = |text: &str| [start.as_slice(), &[user(text)]].concat();
    check(
        &[
            chat(1, 0, &start[..1], Some(start[1].clone())),
            chat(2, 0, &turn("Paris?"), Some(assistant("Rain"))),
            chat(3, 0, &turn("Lyon?"), Some(assistant("Sun"))),
        ],
        "user: Hi
        assistant: Hello
        ~user: Paris?
        ~assistant: Rain
        user: Lyon?
        assistant: Sun",
    );
}

#[test]
fn a_retry_after_an_error_does_not_repeat_the_question() {
    let question = [user("Name?")];
    let expected = "user: Name?
        ~assistant failed: RateLimitError
        assistant: Ann";
    check(
        &[
            failed(chat(1, 0, &question, None)),
            chat(2, 0, &question, Some(assistant("Ann"))),
        ],
        expected,
    );
}

#[test]
fn an_echo_that_differs_is_no_branch() {
    check(
        &[
            chat(
                1,
                0,
                &[user("Hi")],
                Some(assistant("Hello there, friend.  ")),
            ),
            chat(
                2,
                0,
                &[user("Hi"), assistant("Hello there…"), user("Bye")],
                Some(assistant("Bye!")),
            ),
        ],
        "user: Hi
        assistant: Hello there, friend.  
        user: Bye
        assistant: Bye!",
    );
}

#[test]
fn an_answer_echoed_as_two_messages_is_one() {
    let mut answer = assistant("Looking.");
    answer.parts.extend(calling(&["c1"]).parts);
    check(
        &[
            chat(1, 0, &[user("Weather?")], Some(answer)),
            chat(
                2,
                0,
                &[
                    user("Weather?"),
                    assistant("Looking."),
                    calling(&["c1"]),
                    result("c1", json!(1)),
                ],
                Some(assistant("One.")),
            ),
        ],
        "user: Weather?
        assistant: Looking.
          weather -> 1
        assistant: One.",
    );
}

#[test]
fn a_cut_head_attaches_where_it_overlaps() {
    let said = [
        user("1"),
        assistant("a"),
        user("2"),
        assistant("b"),
        user("3"),
        assistant("c"),
        user("4"),
    ];
    check(
        &[
            chat(1, 0, &said[..1], Some(said[1].clone())),
            chat(2, 0, &said[..3], Some(said[3].clone())),
            chat(3, 0, &said[1..5], Some(said[5].clone())),
            chat(4, 0, &said[3..7], Some(assistant("d"))),
        ],
        "user: 1
        assistant: a
        user: 2
        assistant: b
        user: 3
        assistant: c
        user: 4
        assistant: d",
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
fn only_genai_calls_make_messages() {
    check(
        &[
            span(1, 0, Operation::Embeddings),
            span(2, 0, Operation::Other),
        ],
        "",
    );
}

#[test]
fn an_answer_that_the_next_history_leaves_out_is_not_superseded() {
    let asked = [
        user("Weather?"),
        calling(&["c1"]),
        result("c1", json!("wet")),
    ];
    check(
        &[
            chat(1, 0, &asked[..1], Some(asked[1].clone())),
            chat(2, 0, &asked, Some(assistant("It rains."))),
            chat(
                3,
                0,
                &[asked.as_slice(), &[user("Thanks")]].concat(),
                Some(assistant("Welcome")),
            ),
        ],
        r#"user: Weather?
        assistant
          weather -> "wet"
        assistant: It rains.
        user: Thanks
        assistant: Welcome"#,
    );
}

#[test]
fn histories_of_user_messages_alone_fold_too() {
    let said = [user("one"), user("two"), user("three")];
    check(
        &[
            chat(1, 0, &said[..1], Some(assistant("1"))),
            chat(2, 0, &said[..2], Some(assistant("2"))),
            chat(3, 0, &said, Some(assistant("3"))),
        ],
        "user: one
        assistant: 1
        user: two
        assistant: 2
        user: three
        assistant: 3",
    );
}

#[test]
fn the_same_answer_made_again_to_the_same_history_is_one() {
    let mut again = calling(&["other id"]);
    again
        .parts
        .insert(0, domain::message::Part::Reasoning { text: "hm".into() });
    let history = |asked: &domain::message::Message, id: &str| {
        vec![user("Weather?"), asked.clone(), result(id, json!(1))]
    };
    let spans = [
        chat(1, 0, &[user("Weather?")], Some(calling(&["c1"]))),
        chat(
            2,
            0,
            &history(&calling(&["c1"]), "c1"),
            Some(assistant("One.")),
        ),
        chat(3, 0, &[user("Weather?")], Some(again.clone())),
        chat(4, 0, &history(&again, "other id"), Some(assistant("One."))),
    ];
    check(
        &spans,
        "user: Weather?
        assistant
          weather -> 1
        assistant: One.",
    );
    assert_eq!(view(&spans).totals.llm_calls, 4);
}
