//! Errors told beside their spans, by whoever watches the program, show with the spans they name.

use crate::properties::spans_of;
use crate::support::*;
use domain::conversation::Conversation;
use domain::facts::Link;
use domain::ids::{SpanId, SpanKey};
use domain::limits::Limits;
use domain::prepare::{self, Prepared};
use domain::span::{Content, Span, SpanError, SpanLog, User};
use domain::view::ToolStatus;
use domain::window::Closed;
use proptest::prelude::*;
use serde_json::json;

fn reported(kind: &str, handled: Option<bool>, event_id: &str) -> SpanError {
    SpanError {
        kind: Some(kind.into()),
        message: Some(format!("{kind} happened")),
        handled,
        event_id: Some(event_id.into()),
    }
}

fn told_of(key: SpanKey, error: SpanError, record_ms: i64) -> Prepared {
    let log = SpanLog {
        key,
        project: "shop".into(),
        conversation_id: None,
        time_ns: 1_000 * SECOND_NS,
        index: 0,
        is_complete: false,
        content: Content::default(),
        finish_reason: None,
        error: Some(error),
        user: User::default(),
    };
    prepare::log(log, record_ms)
}

fn applied(facts: &[Prepared], links: &[Link]) -> Conversation {
    let mut conversation = Conversation::default();
    for fact in facts {
        let entry = conversation.entry_for(std::slice::from_ref(fact), links, &Limits::default());
        conversation.apply(entry);
    }
    conversation
}

/// Question, a tool that this span is, and the answer to its result.
fn turn(tool: Span) -> Vec<Span> {
    let history = [
        user("Weather?"),
        calling(&["c1"]),
        result("c1", json!("none")),
    ];
    vec![
        chat(1, 0, &[user("Weather?")], Some(calling(&["c1"]))),
        tool,
        chat(3, 0, &history, Some(assistant("I cannot tell."))),
    ]
}

fn weather() -> Span {
    tool_span(2, 0, "weather", Some("c1"), json!("none"))
}

fn key(number: u64) -> SpanKey {
    SpanKey {
        span: span_id(number),
        ..weather().key
    }
}

/// The error and status of the tool, and how many errors and tool errors the conversation has.
fn shown(conversation: &Conversation) -> (Option<SpanError>, ToolStatus, u32, u32) {
    let view = conversation.view();
    let mut tools = view.transcript.messages.iter().flat_map(|m| &m.tool_calls);
    let tool = tools.next().expect("a tool");
    let totals = &view.totals;
    (
        tool.error.clone(),
        tool.status,
        totals.errors,
        totals.tool_errors,
    )
}

#[test]
fn a_tool_that_failed_shows_the_error_behind_it_and_one_failure_is_one() {
    let failing = |error: Option<SpanError>| Span { error, ..weather() };
    let own = |kind: &str, message: Option<&str>| {
        Some(SpanError {
            kind: Some(kind.into()),
            message: message.map(str::to_owned),
            ..SpanError::default()
        })
    };
    let event = reported("KeyError", Some(false), "e1");
    let with = |kind: &str, message: &str| {
        Some(SpanError {
            kind: Some(kind.into()),
            message: Some(message.into()),
            ..event.clone()
        })
    };
    for (tool_error, wanted) in [
        (None, with("KeyError", "KeyError happened")),
        (own("_OTHER", None), with("KeyError", "KeyError happened")),
        // Sentry's status of a span, not a type.
        (
            own("internal_error", None),
            with("KeyError", "KeyError happened"),
        ),
        (
            own("resource_exhausted", None),
            with("resource_exhausted", "KeyError happened"),
        ),
        (own("_OTHER", Some("broke")), with("KeyError", "broke")),
        (own("ValueError", Some("bad")), with("ValueError", "bad")),
    ] {
        let mut facts = prepare_all(&turn(failing(tool_error.clone())));
        facts.push(told_of(key(2), event.clone(), 0));
        let found = shown(&applied(&facts, &[]));
        assert_eq!(found, (wanted, ToolStatus::Error, 1, 1), "{tool_error:?}");
    }
}

#[test]
fn of_several_reports_the_one_of_the_spans_type_shows_then_the_one_nobody_handled() {
    let reports = [
        reported("Retry", Some(true), "e1"),
        reported("KeyError", Some(false), "e2"),
        reported("Timeout", None, "e3"),
    ];
    for (own, event_id) in [
        (None, "e2"),
        (Some("Timeout"), "e3"),
        (Some("_OTHER"), "e2"),
        (Some("Other"), "e2"),
    ] {
        let error = own.map(|kind| SpanError {
            kind: Some(kind.into()),
            ..SpanError::default()
        });
        let mut facts = prepare_all(&turn(Span { error, ..weather() }));
        facts.extend(
            reports
                .iter()
                .map(|report| told_of(key(2), report.clone(), 0)),
        );
        let (error, ..) = shown(&applied(&facts, &[]));
        let found = error.and_then(|error| error.event_id);
        assert_eq!(found.as_deref(), Some(event_id), "{own:?}");
    }
}

#[test]
fn a_call_that_failed_tells_why_and_an_error_without_its_span_waits() {
    let failed = failed(chat(1, 0, &[user("Hi")], None));
    let mut error = failed.error.clone();
    let report = reported("RateLimitError", Some(false), "e1");
    if let Some(error) = &mut error {
        error.message = report.message.clone();
        error.handled = report.handled;
        error.event_id = report.event_id.clone();
    }
    let mut facts = vec![told_of(key(1), report, 0)];
    assert_eq!(applied(&facts, &[]).view().transcript.messages.len(), 0);
    facts.extend(prepare_all(&[failed]));
    let view = applied(&facts, &[]).view();
    let answer = view.transcript.messages.last().expect("a message");
    assert_eq!((&answer.error, view.totals.errors), (&error, 1));
}

/// A request that the tool made is no span of the conversation.
#[test]
fn an_error_below_a_tool_is_the_tools_unless_somebody_caught_it() {
    let request = Link {
        key: key(77),
        parent: Some(span_id(2)),
        record_ms: 0,
    };
    for (handled, own, is_shown) in [
        (Some(false), false, true),
        (Some(true), false, false),
        (None, false, false),
        (Some(true), true, true),
    ] {
        let error = own.then(SpanError::default);
        let mut facts = prepare_all(&turn(Span { error, ..weather() }));
        facts.push(told_of(key(77), reported("Timeout", handled, "e1"), 0));
        let (error, status, ..) = shown(&applied(&facts, &[request]));
        let event_id = error.and_then(|error| error.event_id);
        assert_eq!(event_id.is_some(), is_shown, "{handled:?} {own}");
        let failed = is_shown || own;
        assert_eq!(status == ToolStatus::Error, failed, "{handled:?} {own}");
    }
}

/// Servers report what nobody caught with the request, which is no span of the conversation.
#[test]
fn an_error_of_the_request_shows_with_what_failed_below_it_else_beside_the_conversation() {
    let own = |kind: Option<&str>| {
        kind.map(|kind| SpanError {
            kind: Some(kind.into()),
            ..SpanError::default()
        })
    };
    let above = SpanKey {
        span: SpanId([7; 8]),
        ..key(1)
    };
    for (call, tool, shown_with, errors) in [
        (Some("KeyError"), None, "call", 1),
        (Some("_OTHER"), None, "call", 1),
        // The application raised another error instead.
        (Some("APIError"), None, "call", 1),
        (None, Some("KeyError"), "tool", 1),
        // The model went on after the tool had failed.
        (None, Some("ValueError"), "beside", 2),
        (None, None, "beside", 1),
    ] {
        let failing = |error| Span { error, ..weather() };
        let mut spans = turn(failing(own(tool)));
        spans[2].error = own(call);
        let mut facts = prepare_all(&spans);
        for event in ["e1", "e2"] {
            facts.push(told_of(above, reported("KeyError", Some(false), event), 0));
        }
        let view = applied(&facts, &[]).view();
        let transcript = &view.transcript;
        let tools = transcript.messages.iter().flat_map(|m| &m.tool_calls);
        let is_told = |error: Option<&SpanError>| error.is_some_and(|e| e.event_id.is_some());
        let places = [
            (
                "call",
                transcript
                    .messages
                    .iter()
                    .any(|m| is_told(m.error.as_ref())),
            ),
            ("tool", tools.into_iter().any(|t| is_told(t.error.as_ref()))),
            ("beside", is_told(transcript.reported_errors.first())),
        ];
        let found: Vec<&str> = places.iter().filter(|p| p.1).map(|p| p.0).collect();
        assert_eq!(
            (found, view.totals.errors),
            (vec![shown_with], errors),
            "{call:?} {tool:?}"
        );
    }
}

#[test]
fn a_revision_shows_the_errors_recorded_by_its_end() {
    let mut facts = prepare_all(&turn(weather()));
    facts.push(told_of(key(2), reported("KeyError", None, "e1"), 5_000));
    let conversation = applied(&facts, &[]);
    for (last_ms, errors) in [(4_000, 0), (5_000, 1)] {
        let closed = Closed {
            last_ms,
            closed_at_ms: 10_000,
            revision: 1,
        };
        let view = conversation.closed_over(&closed).view();
        assert_eq!(view.totals.errors, errors, "{last_ms}");
    }
    assert_eq!(shown(&conversation).2, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn errors_may_come_before_their_spans_after_them_and_twice(
        moves in prop::collection::vec(any::<u8>(), 1..8),
        named in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<Option<bool>>()), 1..6),
        keys in prop::collection::vec(any::<u32>(), 100),
    ) {
        let spans = spans_of(&moves);
        prop_assume!(!spans.is_empty());
        let mut facts = prepare_all(&spans);
        for (of, kind, handled) in &named {
            // The last names a span that never comes.
            let key = match of.index(spans.len() + 1) {
                at if at < spans.len() => spans[at].key,
                _ => SpanKey { span: SpanId([9; 8]), ..spans[0].key },
            };
            let error = reported(&format!("Error{kind}"), *handled, &format!("e{kind}"));
            facts.push(told_of(key, error, 0));
        }
        let in_order = applied(&facts, &[]);
        let mut shuffled: Vec<(u32, Prepared)> = facts.iter().chain(&facts).enumerate()
            .map(|(at, fact)| (keys[at % keys.len()].rotate_left(at as u32), fact.clone()))
            .collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Prepared> = shuffled.into_iter().map(|(_, fact)| fact).collect();
        prop_assert_eq!(in_order.view(), applied(&shuffled, &[]).view());
        let present = in_order.present().into_owned();
        prop_assert_eq!(present.view(), in_order.view(), "what is shown is shown alike again");
    }
}
