//! Each use of a tool shows once, with its result and how it ended, whatever the histories leave out.

use crate::support::*;
use crate::transcript::check;
use domain::message::{Message, Part, Role};
use domain::span::{Operation, Outcome, Span, SpanError};
use serde_json::{Value, json};

/// A call of `name` without an id.
fn asks(name: &str, arguments: Value) -> Message {
    Message {
        role: Role::Assistant,
        parts: vec![Part::ToolCall {
            id: None,
            name: name.into(),
            arguments,
        }],
    }
}

/// A result as a history tells it, with what it tells of its call.
fn told(id: Option<&str>, name: Option<&str>, value: Value, is_error: bool) -> Message {
    Message {
        role: Role::Tool,
        parts: vec![Part::ToolResult {
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            result: value,
            is_error,
        }],
    }
}

fn ran(number: u64, name: &str, arguments: Value, result: Value) -> Span {
    let mut span = tool_span(number, 0, name, None, result);
    if let Some(tool) = &mut span.tool {
        tool.arguments = Some(arguments);
    }
    span
}

fn with_outcome(mut span: Span, outcome: Outcome) -> Span {
    if let Some(tool) = &mut span.tool {
        tool.outcome = outcome;
        if outcome == Outcome::Paused {
            tool.result = None;
        }
    }
    span
}

pub fn with_error(mut span: Span, kind: &str) -> Span {
    span.error = Some(SpanError {
        kind: Some(kind.into()),
        message: None,
        ..SpanError::default()
    });
    span
}

/// Executions and failures.
fn counts(spans: &[Span]) -> (u32, u32) {
    let totals = view(spans).totals;
    (totals.tool_calls, totals.tool_errors)
}

/// As `check` expects it, however deep the code around it stands.
fn indented(right: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let depth = right.lines().skip(1).map(indent).min().unwrap_or_default();
    let mut lines = right.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| {
        format!("{text}\n        {}", &line[depth..])
    })
}

/// All orders of arrival are one view.
pub fn checked(spans: &[Span], right: &str, counted: (u32, u32)) {
    check(spans, &indented(right));
    assert_eq!(counts(spans), counted);
    let backwards: Vec<Span> = spans.iter().rev().cloned().collect();
    assert_eq!(view(&backwards), view(spans));
}

#[test]
fn a_result_is_one_with_the_span_of_its_tool_where_the_call_is_not_known() {
    for history in [
        vec![user("Weather?"), result("c1", json!(4))],
        vec![
            user("Weather?"),
            told(None, Some("weather"), json!("4"), false),
        ],
        vec![user("Weather?"), told(None, None, json!(4), false)],
        vec![user("Weather?"), told(None, None, json!(""), false)],
        vec![
            user("Weather?"),
            result("c1", json!(4)),
            result("c1", json!(4)),
        ],
    ] {
        let spans = [
            tool_span(1, 0, "weather", Some("c1"), json!(4)),
            chat(3, 0, &history, Some(assistant("Four."))),
        ];
        let view = view(&spans);
        assert_eq!(view.totals.tool_calls, 1, "{history:?}");
        let tools = view.transcript.messages.iter();
        let shown = tools.filter(|message| message.role == Role::Tool).count();
        assert_eq!(shown, 1, "{history:?}");
    }
}

#[test]
fn a_history_without_the_calling_message_hangs_results_on_the_answer_that_called() {
    for left_out in [
        vec![user("Weather?"), told(None, None, json!(4), false)],
        vec![
            user("Weather?"),
            told(None, Some("weather"), json!(4), false),
        ],
        vec![user("Weather?"), result("c1", json!(4))],
        vec![user("Weather?"), told(None, None, Value::Null, false)],
    ] {
        let mut later = left_out.clone();
        later.extend([assistant("Four."), user("Thanks")]);
        checked(
            &[
                chat(1, 0, &[user("Weather?")], Some(calling(&["c1"]))),
                tool_span(2, 0, "weather", Some("c1"), json!(4)),
                chat(3, 0, &left_out, Some(assistant("Four."))),
                chat(5, 0, &later, Some(assistant("Welcome."))),
            ],
            "user: Weather?
            assistant
              weather -> 4
            assistant: Four.
            user: Thanks
            assistant: Welcome.",
            (1, 0),
        );
    }
}

#[test]
fn a_result_with_an_id_of_its_own_is_not_swallowed_by_another_call() {
    let history = [
        user("Weather?"),
        calling(&["c1"]),
        result("c1", json!(4)),
        result("c2", json!(5)),
    ];
    checked(
        &[
            chat(1, 0, &history[..1], Some(calling(&["c1"]))),
            chat(3, 0, &history, Some(assistant("Four."))),
        ],
        "user: Weather?
        assistant
          weather -> 4
        tool
        assistant: Four.",
        (2, 0),
    );
}

#[test]
fn a_history_may_tell_calls_by_other_ids() {
    let history = [
        user("Weather?"),
        calling(&["x1", "x2"]),
        result("x2", json!(5)),
        result("x1", json!(4)),
    ];
    checked(
        &[
            chat(1, 0, &history[..1], Some(calling(&["c1", "c2"]))),
            chat(3, 0, &history, Some(assistant("Four."))),
        ],
        "user: Weather?
        assistant
          weather -> 4
          weather -> 5
        assistant: Four.",
        (2, 0),
    );
}

/// OpenTelemetry's Google GenAI names results by the tool and a number, whatever ids the calls have.
#[test]
fn a_result_whose_id_is_the_tools_name_and_a_number_goes_in_order() {
    let asked = calling(&["call_1", "call_2"]);
    let results = Message {
        role: Role::Tool,
        parts: [("weather_0", 4), ("weather_1", 19)]
            .into_iter()
            .flat_map(|(id, value)| told(Some(id), None, json!(value), false).parts)
            .collect(),
    };
    let spans = [
        chat(1, 0, &[user("Weather?")], Some(asked.clone())),
        chat(
            2,
            0,
            &[user("Weather?"), asked, results],
            Some(assistant("Cold.")),
        ),
    ];
    checked(
        &spans,
        "user: Weather?
        assistant
          weather -> 4
          weather -> 19
        assistant: Cold.",
        (2, 0),
    );
}

#[test]
fn a_failure_that_a_result_tells_of_is_one() {
    let asked = chat(1, 0, &[user("Weather?")], Some(calling(&["c1"])));
    let history = |is_error| {
        let told = told(Some("c1"), None, json!("boom"), is_error);
        [user("Weather?"), calling(&["c1"]), told]
    };
    let ran = || tool_span(2, 0, "weather", Some("c1"), json!("boom"));
    let answered = |is_error| chat(3, 0, &history(is_error), Some(assistant("Sorry.")));
    for spans in [
        vec![asked.clone(), answered(true)],
        vec![asked.clone(), ran(), answered(true)],
        vec![
            asked.clone(),
            with_outcome(ran(), Outcome::Failed),
            answered(false),
        ],
        vec![asked, with_error(ran(), "Timeout"), answered(false)],
    ] {
        checked(
            &spans,
            "user: Weather?
            assistant
              weather! -> \"boom\"
            assistant: Sorry.",
            (1, 1),
        );
    }
    let unasked = [chat(
        3,
        0,
        &[
            user("Weather?"),
            told(Some("c9"), None, json!("boom"), true),
        ],
        Some(assistant("Sorry.")),
    )];
    assert_eq!(counts(&unasked), (1, 1));
}

#[test]
fn the_later_run_of_a_call_decides() {
    let asked = chat(1, 0, &[user("Weather?")], Some(calling(&["c1"])));
    let done = |number| tool_span(number, 0, "weather", Some("c1"), json!(4));
    let paused = || with_outcome(done(2), Outcome::Paused);
    check(
        &[asked.clone(), paused()],
        "user: Weather?
        assistant
          weather? -> -",
    );
    assert_eq!(counts(&[asked.clone(), paused()]), (0, 0));
    let right = "user: Weather?
        assistant
          weather -> 4";
    checked(&[asked.clone(), paused(), done(9)], right, (1, 0));
    checked(
        &[asked.clone(), with_error(done(2), "Timeout"), done(9)],
        right,
        (1, 0),
    );
    // Nobody is known to have asked.
    assert_eq!(counts(&[with_error(done(2), "Timeout"), done(9)]), (1, 0));
    // Resumed by a run that tells no id.
    let mut resumed = done(9);
    resumed.tool.as_mut().expect("a tool").call_id = None;
    checked(&[asked, paused(), resumed], right, (1, 0));
}

#[test]
fn the_spans_of_a_protocol_below_a_tool_are_the_same_execution() {
    let asked = chat(
        1,
        0,
        &[user("Weather?")],
        Some(asks("maps__weather", json!({}))),
    );
    let outer = || tool_span(2, 0, "maps__weather", None, json!(4));
    let inner = |number, parent, name: &str| {
        let mut span = tool_span(number, parent, name, None, json!(4));
        span.attributes
            .insert("mcp.method.name".into(), "tools/call".into());
        span
    };
    let right = |mark: &str| {
        format!(
            "user: Weather?
            assistant
              maps__weather{mark} -> 4"
        )
    };
    let spans = [
        asked.clone(),
        outer(),
        inner(3, 2, "weather"),
        inner(4, 3, "weather"),
    ];
    checked(&spans, &right(""), (1, 0));
    assert_eq!(view(&spans).totals.tools, ["maps__weather"]);
    // The server says that it failed, and no client that it tried again.
    let mut plain = inner(4, 3, "weather");
    plain.operation = Operation::Other;
    plain.tool = None;
    let spans = [
        asked.clone(),
        outer(),
        inner(3, 2, "other"),
        with_error(plain, "tool_error"),
    ];
    checked(&spans, &right("!"), (1, 1));
    let again = [
        asked,
        outer(),
        with_error(inner(3, 2, "weather"), "Timeout"),
        inner(4, 2, "weather"),
    ];
    checked(&again, &right(""), (1, 0));
}

#[test]
fn runs_without_ids_go_by_arguments_and_else_in_order() {
    let city = |name: &str| json!({"city": name});
    let both = || {
        let mut both = asks("weather", city("Oslo"));
        both.parts.extend(asks("weather", city("Rome")).parts);
        chat(1, 0, &[user("Weather?")], Some(both))
    };
    let right = "user: Weather?
        assistant
          weather -> 4
          weather -> 19";
    for (first, second) in [
        (city("Oslo"), city("Rome")),
        (
            json!({"input": city("Oslo")}),
            json!({"input": city("Rome")}),
        ),
        (
            json!({"city": "Oslo", "unit": "C"}),
            json!({"city": "Rome", "unit": "C"}),
        ),
        (json!({}), json!({})),
    ] {
        let spans = [
            both(),
            ran(2, "weather", first.clone(), json!(4)),
            ran(3, "weather", second.clone(), json!(19)),
        ];
        checked(&spans, right, (2, 0));
        if first != json!({}) {
            let swapped = [
                both(),
                ran(2, "weather", second, json!(19)),
                ran(3, "weather", first, json!(4)),
            ];
            checked(&swapped, right, (2, 0));
        }
    }
}

#[test]
fn runs_of_a_service_whose_clock_is_ten_minutes_off_find_their_calls() {
    for skew_s in [-600, 600] {
        let late = |mut span: Span| {
            span.start_ns += skew_s * SECOND_NS;
            span.end_ns += skew_s * SECOND_NS;
            span
        };
        for id in [Some("c"), None] {
            let call = |number: u64| {
                let mut call = asks("weather", json!({}));
                if let Part::ToolCall { id: own, .. } = &mut call.parts[0] {
                    *own = id.map(|id| format!("{id}{number}"));
                }
                call
            };
            let run = |number: u64| {
                let mut run = ran(number, "weather", json!({}), json!(number));
                if let Some(tool) = &mut run.tool {
                    tool.call_id = id.map(|id| format!("{id}{number}"));
                }
                late(run)
            };
            let first = [
                user("A?"),
                call(2),
                told(None, None, json!(2), false),
                assistant("Two."),
                user("B?"),
            ];
            checked(
                &[
                    chat(1, 0, &first[..1], Some(call(2))),
                    run(2),
                    chat(3, 0, &first[..3], Some(assistant("Two."))),
                    chat(4, 0, &first, Some(call(5))),
                    run(5),
                ],
                "user: A?
                assistant
                  weather -> 2
                assistant: Two.
                user: B?
                assistant
                  weather -> 5",
                (2, 0),
            );
        }
    }
}
