//! Where histories repeat what was said, and where they branch off.

use crate::support::*;
use crate::transcript::check;
use serde_json::json;

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
